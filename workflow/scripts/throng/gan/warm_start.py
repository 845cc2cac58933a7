"""Start networks that heed labels from ones that do not, or that heed fewer, without changing what they draw.

Karras et al. (NeurIPS 2021) train each network for its labels from nothing; that starting without labels steadies
conditional training is Shahbazi et al., "Collapse by Conditioning", ICLR 2022. Here what is new begins at zero.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from throng.errors import ThrongError
from throng.gan import r3gan, stylegan3

# what may differ between the two networks
OF_LABELS = frozenset({"c_dim", "w_classes", "label_layers", "label_dim"})
# sqrt 2 of the leaky ReLU and 1 / 100 of the learning rate are in the label map's last layer
UNIT_BIAS = 100 / math.sqrt(2)


@torch.no_grad()
def warm_start(new: nn.Module, old: nn.Module) -> None:
    """Give ``new`` the weights of ``old``: both generators, or both discriminators, of throng.

    Without labels in ``old``, the two then agree whatever code ``new`` is told; with labels in both, they agree where
    the code of ``new`` begins as that of ``old`` (or is its beginning). Raises ThrongError when the networks differ in
    more than their labels, or ``old`` heeds labels and ``new`` does not.
    """
    _check(new, old)
    state = new.state_dict()
    for name, tensor in old.state_dict().items():
        if name in state and state[name].shape == tensor.shape:
            state[name].copy_(tensor)
    n: Any = new
    o: Any = old
    if isinstance(new, stylegan3.Generator):
        _average(n.w_avg, o.w_avg)
        if o.c_dim == 0 < n.c_dim:
            _more_inputs(n.mapping.layers[0], o.mapping.layers[0])
        elif n.c_dim:
            _more_inputs(n.mapping.embed, o.mapping.embed)
    elif isinstance(new, stylegan3.Discriminator):
        if o.c_dim == 0 < n.c_dim:
            _project(n, o)
        elif n.c_dim:
            _more_inputs(n.label_map.embed, o.label_map.embed)
    elif o.c_dim == 0 < n.c_dim:
        if isinstance(new, r3gan.Generator):
            _more_inputs(n.weighing, o.weighing)
        else:
            n.projection.weight.zero_()
    elif n.c_dim:
        _more_inputs(n.embedding, o.embedding)


def _check(new: nn.Module, old: nn.Module) -> None:
    ours: dict[str, Any] = new.architecture  # pyright: ignore[reportAssignmentType]
    theirs: dict[str, Any] = old.architecture  # pyright: ignore[reportAssignmentType]
    if type(new) is not type(old):
        raise ThrongError(f"a network of {ours['name']} cannot start from one of {theirs['name']} or of another role")
    for option, value in ours["options"].items():
        if option not in OF_LABELS and value != theirs["options"][option]:
            raise ThrongError(
                f"cannot start from a network of {option} {theirs['options'][option]}: this one has {value}; only what "
                "concerns labels may differ"
            )
    before, after = theirs["options"]["c_dim"], ours["options"]["c_dim"]
    if before and not after:
        raise ThrongError(f"cannot start from a network that heeds labels ({before} numbers): this one heeds none")
    if before:
        for option in ("label_layers", "label_dim"):
            if ours["options"].get(option) != theirs["options"].get(option):
                raise ThrongError(f"cannot start from a network that heeds labels with another {option}")


def _more_inputs(new: Any, old: Any) -> None:
    """Copy the columns that both linear maps have and zero the others; gains that follow the width are undone."""
    shared = min(new.weight.shape[1], old.weight.shape[1])
    new.weight.zero_()
    new.weight[:, :shared] = old.weight[:, :shared] * (getattr(old, "gain", 1.0) / getattr(new, "gain", 1.0))


def _average(new: Tensor, old: Tensor) -> None:
    shared = min(len(new), len(old)) if len(old) > 1 else 0
    new.copy_(old.mean(0, keepdim=True).expand_as(new))
    new[:shared] = old[:shared]


def _project(new: Any, old: Any) -> None:
    """Make the product of features and label the old logit: the label's map is all ones, the features add up to it.

    The features keep, besides, random parts that cancel out: were they equal, their weights would stay so.
    """
    last = new.label_map.layers[-1]
    last.weight.zero_()
    last.bias.fill_(UNIT_BIAS)
    share = 1 / math.sqrt(len(new.out.weight))
    for name in ("weight", "bias"):
        own, theirs = getattr(new.out, name), getattr(old.out, name)
        own += theirs * share - own.mean(0)
