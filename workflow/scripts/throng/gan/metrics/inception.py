"""Extractor ``inception``: Inception v3 with the weights of 2015 by which FID is defined, from a state dict."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional
from torchvision.models.inception import (
    BasicConv2d,
    Inception3,
    InceptionA,
    InceptionAux,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
)

from throng.counting.backbones import read_state_dict
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.gan.metrics.extractor import Extractor

DIM = 2048
SIDE = 299
CLASSES = 1008
# The PyTorch port of inception-2015-12-05 that torch-fidelity and pytorch-fid publish.
PUBLISHED = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"


def make(path: Path, device: str) -> Extractor:
    """Return the 2048 numbers of the last pooling of Inception v3 with the weights at ``path``.

    Images are resized and scaled as by the graph of 2015: :func:`resize`, (x - 128) / 128. The file is a state dict
    named as torchvision names Inception v3; the classifier's tensors are left aside; reading it executes nothing.
    ``comparable`` is true for the file that torch-fidelity and pytorch-fid publish, by its hash. Raises ThrongError for
    a file that cannot be read, or of another network, torchvision's own ImageNet weights included.
    Source: Szegedy et al., "Rethinking the Inception architecture", CVPR 2016; Heusel et al., "GANs trained by a two
    time-scale update rule", NeurIPS 2017 (FID).
    """
    found = read_state_dict(path)
    _check_training(found, path)
    # Without storage, so that nothing is drawn: the file's tensors take its place
    with torch.device("meta"):
        network = fid_inception()
    _load(network, found, path)
    network = network.eval().requires_grad_(False).to(device)
    digest = sha256_file(path)
    comparable = digest == PUBLISHED
    note = (
        "the published FID weights: comparable with FID and KID of as many images"
        if comparable
        else f"no published file (its sha256 would be {PUBLISHED[:8]}...): comparable as far as its source is right"
    )
    return Extractor(
        "inception", digest, DIM, comparable, note, device, lambda images: network((resize(images, SIDE) - 128) / 128)
    )


def fid_inception() -> Inception3:
    """Return FID's Inception v3 with random weights, up to its last pooling: (B, 3, H, W) to (B, 2048).

    It differs from torchvision's in that average pooling leaves padding out of the mean, and that the last block pools
    by the maximum.
    """
    blocks = [BasicConv2d, _BlockA, InceptionB, _BlockC, InceptionD, _BlockE, InceptionAux]
    network = Inception3(num_classes=CLASSES, aux_logits=False, inception_blocks=blocks, init_weights=False)
    network.Mixed_7c = _LastBlock(1280 + 768)
    network.fc = torch.nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    return network


def resize(images: torch.Tensor, side: int) -> torch.Tensor:
    """Return (B, C, H, W) images as (B, C, side, side) by TensorFlow 1's bilinear interpolation.

    Output pixel i looks at i H / side: corners are aligned at the top left alone, and nothing is averaged when an image
    shrinks. FID is defined by it.
    """
    return _along(_along(images, side, 2), side, 3)


def _along(images: torch.Tensor, side: int, axis: int) -> torch.Tensor:
    length = images.shape[axis]
    # The graph computes in float32
    at = torch.arange(side, device=images.device, dtype=torch.float32) * (length / side)
    low = at.floor().long()
    high = (low + 1).clamp(max=length - 1)
    shape = [1] * images.ndim
    shape[axis] = side
    share = (at - low).reshape(shape)
    below, above = images.index_select(axis, low), images.index_select(axis, high)
    return below + (above - below) * share


class _OwnPooling:
    """Gives an Inception block another pooling before its last branch."""

    def _forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        *others, _ = super()._forward(x)  # pyright: ignore[reportAttributeAccessIssue]
        return [*others, self.branch_pool(self._pooled(x))]  # pyright: ignore[reportAttributeAccessIssue]

    def _pooled(self, x: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class _BlockA(_OwnPooling, InceptionA):
    pass


class _BlockC(_OwnPooling, InceptionC):
    pass


class _BlockE(_OwnPooling, InceptionE):
    pass


class _LastBlock(_OwnPooling, InceptionE):
    def _pooled(self, x: torch.Tensor) -> torch.Tensor:
        return functional.max_pool2d(x, 3, stride=1, padding=1)


def _check_training(found: dict[str, torch.Tensor], path: Path) -> None:
    if any(name.startswith("AuxLogits.") for name in found) or len(found.get("fc.weight", range(CLASSES))) != CLASSES:
        raise ThrongError(
            f"{path} holds Inception weights of another training, such as torchvision's for ImageNet: FID is defined "
            f"by those of 2015 ({CLASSES} classes, no AuxLogits)"
        )


def _load(network: Inception3, found: dict[str, torch.Tensor], path: Path) -> None:
    own = network.state_dict()
    # older files lack the number of batches, which nothing here reads
    counts = {name: torch.zeros(()) for name in own if name.endswith("num_batches_tracked")}
    tensors = counts | {name: tensor for name, tensor in found.items() if not name.startswith("fc.")}
    if wrong := own.keys() ^ tensors.keys():
        raise ThrongError(
            f"{path}: tensor {min(wrong)} is in the file or in Inception v3 alone: expected a state dict of the "
            f"Inception of 2015, named as torchvision names it"
        )
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape:
            raise ThrongError(f"{path}: {name} has shape {tuple(tensor.shape)}, expected {tuple(own[name].shape)}")
    network.load_state_dict(tensors, assign=True)
