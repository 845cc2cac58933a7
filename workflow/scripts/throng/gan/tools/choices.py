"""Names that the command line offers, where neither torch nor matplotlib need be loaded to read them."""

from enum import StrEnum


class Counting(StrEnum):
    """How a resumed run counts its images."""

    AUTO = "auto"
    CONTINUES = "continues"
    RESTARTS = "restarts"


class Space(StrEnum):
    """Where the latents of a photograph are searched."""

    Z = "z"
    W = "w"
    W_PLUS = "w+"


class Features(StrEnum):
    """What compares a drawn image with a photograph beside its pixels."""

    NONE = "none"
    RANDOM = "random"
    ENCODER = "encoder"
    INCEPTION = "inception"
    TORCHSCRIPT = "torchscript"
    DINOV2 = "dinov2"
