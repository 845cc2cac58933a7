"""Kinds of ranked pairs: shared by the section that makes them and the one that learns from them."""

from typing import Literal

Kind = Literal[
    "real-edited",
    "edited-edited",
    "sham-edited",
    "sham-equal",
    "nested-crop",
    "real-reduced",
    "enlarged-real",
    "enlarged-reduced",
]
