"""A ResNet-50 counter: three stages at stride 8 and two 1x1 convolutions, as C-3-Framework's; 8,674,625 parameters."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from throng.counting.backbones import ImageNetInput, imagenet_input, load_backbone, resnet50_stem
from throng.counting.network import Counter, Init, LastActivation, initialise


def resnet(
    name: str = "resnet50",
    in_channels: int = 3,
    *,
    weights: str | None = None,
    init: Init = "he",
    last_activation: LastActivation = "relu",
    target_scale: float = 4.0,
) -> Counter:
    """Return a ResNet-50 counter for grey (1) or RGB (3) input, stride 8.

    ``weights`` is a ResNet-50 state dict (.safetensors or .pth, torchvision's and timm's names); its third stage fits
    although it keeps the resolution here. None starts from scratch.
    """
    network = nn.Sequential(
        OrderedDict(
            input=ImageNetInput(),
            backbone=resnet50_stem(),
            head=nn.Sequential(nn.Conv2d(1024, 128, 1), nn.ReLU(inplace=True)),
            output=nn.Conv2d(128, 1, 1),
        )
    )
    initialise(network, init)
    if weights is not None:
        load_backbone(network.get_submodule("backbone"), weights, "ResNet-50")
    return Counter(
        network,
        stride=8,
        multiple=8,
        in_channels=in_channels,
        target_scale=target_scale,
        last_activation=last_activation,
        input_spec=imagenet_input(in_channels),
    )
