"""CSRNet (Li, Zhang, Chen, CVPR 2018): VGG-16's first ten convolutions, six dilated ones, 16,263,489 parameters."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from throng.counting.backbones import ImageNetInput, imagenet_input, load_backbone, vgg16_front
from throng.counting.network import Counter, Init, LastActivation, initialise
from throng.errors import ThrongError

BACK_WIDTHS = (512, 512, 512, 256, 128, 64)


def csrnet(
    name: str = "csrnet",
    in_channels: int = 3,
    *,
    weights: str | None = None,
    init: Init = "he",
    last_activation: LastActivation = "relu",
    target_scale: float = 4.0,
    stacks: int = 1,
) -> Counter:
    """Return a CSRNet for grey (1) or RGB (3) input.

    ``weights`` is a VGG-16 state dict (.safetensors or .pth, torchvision's and timm's names) for the front end; None
    starts from scratch. ``stacks`` dilated back ends follow each other.
    """
    if isinstance(stacks, bool) or not isinstance(stacks, int) or stacks < 1:
        raise ThrongError(f"stacks must be a number of back ends, 1 or more, not {stacks!r}")
    back: list[nn.Module] = []
    inputs = 512
    for _ in range(stacks):
        back.append(back_end(inputs))
        inputs = BACK_WIDTHS[-1]
    network = nn.Sequential(
        OrderedDict(
            input=ImageNetInput(),
            features=vgg16_front(),
            back=nn.Sequential(*back),
            output=nn.Conv2d(inputs, 1, 1),
        )
    )
    initialise(network, init)
    if weights is not None:
        load_backbone(network.get_submodule("features"), weights, "VGG-16 without batch norm", "features.")
    return Counter(
        network,
        stride=8,
        multiple=8,
        in_channels=in_channels,
        target_scale=target_scale,
        last_activation=last_activation,
        input_spec=imagenet_input(in_channels),
    )


def back_end(inputs: int) -> nn.Sequential:
    """Return six 3x3 convolutions of dilation 2 with ReLU: (B, inputs, H, W) to (B, 64, H, W)."""
    modules: list[nn.Module] = []
    for width in BACK_WIDTHS:
        modules += [nn.Conv2d(inputs, width, 3, padding=2, dilation=2), nn.ReLU(inplace=True)]
        inputs = width
    return nn.Sequential(*modules)
