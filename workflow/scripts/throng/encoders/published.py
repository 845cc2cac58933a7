"""Published architectures, built by torchvision without their classifiers."""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import torch
from torch import nn

from throng.encoders.encoder import Encoder
from throng.errors import ThrongError

RESNET_STAGES = ("layer1", "layer2", "layer3", "layer4")
RESNET_CLASSIFIER = ("avgpool", "fc")
# The ReLU of the last convolution before each of VGG-16's five max pools, the fifth of which is left off.
VGG16_STAGES = ("3", "8", "15", "22", "29")
CONVNEXT_STAGES = ("1", "3", "5", "relu")


def resnet(depth: Literal[18, 50], *, frozen_norm: bool = False) -> Encoder:
    """Return a ResNet (He et al., 2016) to its last stage: 512 or 2048 features at stride 32."""
    import torchvision

    builder = {18: torchvision.models.resnet18, 50: torchvision.models.resnet50}[depth]
    whole = builder(weights=None)
    kept = OrderedDict((name, child) for name, child in whole.named_children() if name not in RESNET_CLASSIFIER)
    return Encoder(
        nn.Sequential(kept),
        stages=RESNET_STAGES,
        features=whole.fc.in_features,
        stride=32,
        frozen_norm=frozen_norm,
    )


def vgg16() -> Encoder:
    """Return the 13 convolutions of VGG-16 (Simonyan, Zisserman, 2015): 512 features at stride 16."""
    import torchvision

    # its classifier, nine times as large as the rest, is never made
    with torch.device("meta"):
        whole = torchvision.models.vgg16(weights=None, init_weights=False)
    network = nn.Sequential(OrderedDict(list(whole.features.named_children())[:-1])).to_empty(device="cpu")
    for module in network:
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return Encoder(network, stages=VGG16_STAGES, features=512, stride=16, multiple=16)


def convnext_tiny(*, stochastic_depth: float = 0.0) -> Encoder:
    """Return ConvNeXt-T (Liu et al., 2022) and a ReLU: 768 features at stride 32; its earlier stages keep their signs.

    ``stochastic_depth`` is how often, in training, a picture leaves out the last block, and the others in proportion.
    """
    import torchvision

    if isinstance(stochastic_depth, bool) or not 0 <= stochastic_depth < 1:
        raise ThrongError(
            f"encoder convnext-tiny: stochastic_depth must be 0 or more and below 1: {stochastic_depth!r}"
        )
    whole = torchvision.models.convnext_tiny(weights=None, stochastic_depth_prob=stochastic_depth)
    network = nn.Sequential(OrderedDict([*whole.features.named_children(), ("relu", nn.ReLU())]))
    return Encoder(network, stages=CONVNEXT_STAGES, features=768, stride=32, multiple=32)
