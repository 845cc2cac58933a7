"""The exceptions whose message is written for the user."""


class ThrongError(Exception):
    """Bad input or configuration: the message says which file, row or key, what was expected and what to do."""


class TransientError(ThrongError):
    """Nothing is wrong with the input: the job was stopped, or lost what it ran on, and goes on when run again."""


def first_line(error: BaseException) -> str:
    """Return what a library's error says in its first line, for a sentence of ours; its type where it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
