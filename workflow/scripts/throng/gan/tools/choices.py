"""Names that the command line offers, where neither torch nor matplotlib need be loaded to read them."""

from enum import StrEnum


class Counting(StrEnum):
    """How a resumed run counts its images."""

    AUTO = "auto"
    CONTINUES = "continues"
    RESTARTS = "restarts"
