"""ImageNet backbones: the first ten convolutions of VGG-16 and ResNet-50 to its third stage, and their weight files.

Modules carry torchvision's names, which are timm's too, so that published state dicts fit; nothing here needs either.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

from throng.counting.inputs import InputSpec
from throng.errors import ThrongError

# What the published weights expect of pixels divided by 255 (PyTorch's model zoo).
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
VGG16_WIDTHS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512)
RESNET50_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 1))
EXPANSION = 4


def imagenet_input(in_channels: int) -> InputSpec:
    """Return the grey or RGB input of a counter whose first module is :class:`ImageNetInput`."""
    return InputSpec(channels=in_channels, mean=127.5, std=127.5)


class ImageNetInput(nn.Module):
    """Turns pixels of :func:`imagenet_input` into what ImageNet weights expect; grey goes to all three channels."""

    def __init__(self) -> None:
        super().__init__()
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer("gain", (0.5 / std)[:, None, None], persistent=False)
        self.register_buffer("offset", ((0.5 - mean) / std)[:, None, None], persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (B, 3, H, W) of (B, 1 or 3, H, W)."""
        return images * self.get_buffer("gain") + self.get_buffer("offset")


def vgg16_front() -> nn.Sequential:
    """Return the first ten convolutions of VGG-16 (Simonyan, Zisserman, 2015): (B, 3, H, W) to (B, 512, H/8, W/8)."""
    modules: list[nn.Module] = []
    inputs = 3
    for width in VGG16_WIDTHS:
        if isinstance(width, int):
            modules += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = width
        else:
            modules.append(nn.MaxPool2d(2))
    return nn.Sequential(*modules)


def resnet50_stem() -> nn.Sequential:
    """Return ResNet-50 (He et al., 2016) to its third stage, which keeps stride 8: (B, 3, H, W) to (B, 1024, ...)."""
    modules: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
        bn1=nn.BatchNorm2d(64),
        relu=nn.ReLU(inplace=True),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    inputs = 64
    for index, (width, blocks, stride) in enumerate(RESNET50_STAGES, 1):
        stage: list[nn.Module] = []
        for block in range(blocks):
            stage.append(Bottleneck(inputs, width, stride if block == 0 else 1))
            inputs = EXPANSION * width
        modules[f"layer{index}"] = nn.Sequential(*stage)
    return nn.Sequential(modules)


class Bottleneck(nn.Module):
    """A 1x1, a 3x3 and a 1x1 convolution with batch norm beside the identity or its projection."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the rectified sum of the branch and the identity."""
        branch = torch.relu(self.bn1(self.conv1(features)))
        branch = torch.relu(self.bn2(self.conv2(branch)))
        identity = features if self.downsample is None else self.downsample(features)
        return torch.relu(self.bn3(self.conv3(branch)) + identity)


def load_backbone(backbone: nn.Module, path: str | Path, kind: str, prefix: str = "") -> None:
    """Load a backbone's own tensors from a state dict, .safetensors or .pth, whose names start with ``prefix``.

    ``kind`` says in an error what the file should hold. Tensors of later layers are left aside. A .pth file is read
    without executing what it holds. Raises ThrongError when the file cannot be read, a tensor is missing, or a shape
    differs.
    """
    if not isinstance(path, str | Path):
        raise ThrongError(f"weights must be the path of a state dict, .safetensors or .pth, not {path!r}")
    tensors = read_state_dict(Path(path))
    wanted = backbone.state_dict()
    for name, own in wanted.items():
        if name.endswith("num_batches_tracked"):
            continue
        found = tensors.get(prefix + name)
        if found is None:
            raise ThrongError(
                f"{path} has no tensor {prefix + name}: expected {kind}, named as torchvision and timm name it"
            )
        if found.shape != own.shape:
            raise ThrongError(
                f"{path}: {prefix + name} has shape {tuple(found.shape)}, expected {tuple(own.shape)}: another network"
            )
        wanted[name] = found
    backbone.load_state_dict(wanted)


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a .safetensors or .pth file, which is read without executing what it holds.

    Raises ThrongError when there is none, or it holds anything but names and tensors.
    """
    from safetensors.torch import load_file

    if not path.is_file():
        raise ThrongError(f"no backbone weights at {path}: give the path of a .safetensors or .pth state dict")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler raises whatever the garbage leads it to
        raise ThrongError(f"{path} cannot be read as a state dict: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise ThrongError(f"{path} holds no state dict: expected names and tensors alone")
    return state
