"""The one exception whose message is written for the user."""


class ThrongError(Exception):
    """Bad input or configuration: the message says which file, row or key, what was expected and what to do."""
