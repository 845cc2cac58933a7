"""The exceptions whose message is written for the user."""


class ThrongError(Exception):
    """Bad input or configuration: the message says which file, row or key, what was expected and what to do."""

    def __str__(self) -> str:
        # names come from others' files: a control character in one must not reach a terminal, nor half a code a log
        said = super().__str__()
        return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in said)


class TransientError(ThrongError):
    """Nothing is wrong with the input: the job was stopped, or lost what it ran on, and goes on when run again."""


def first_line(error: BaseException) -> str:
    """Return what a library's error says in its first line, for a sentence of ours; its type where it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
