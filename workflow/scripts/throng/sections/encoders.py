"""Encoders by name: shared by every section that trains one."""

from typing import Literal

Encoder = Literal["small", "resnet18", "resnet50", "vgg16", "convnext-tiny", "alexnet"]
