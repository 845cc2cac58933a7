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
from throng.gan.stylegan3.linear import ROOT_2, normalised
from throng.gan.stylegan3.mapping import RATE

# what may differ between the two networks
OF_LABELS = frozenset({"c_dim", "w_classes", "label_layers", "label_dim"})
# bias of a mapping's layer whose output is 1
UNIT_BIAS = 1 / (ROOT_2 * RATE)


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
            _silence(n.mapping, o.mapping)
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


def _silence(new: Any, old: Any) -> None:
    """Let labels enter by an embedding that is the same for all of them, and its effect be taken off again.

    That the embedding's columns are zero, and not those behind it, lets labels be learnt at the networks' full rate:
    the mapping's own is a hundredth.
    """
    new.embed.weight.zero_()
    new.embed.bias.normal_()
    first, z_dim = new.layers[0], old.layers[0].weight.shape[1]
    first.weight[:, :z_dim] = old.layers[0].weight * (old.layers[0].gain / first.gain)
    effect = first.weight[:, z_dim:] @ normalised(new.embed.bias[None])[0] * first.gain
    first.bias.copy_(old.layers[0].bias - effect / first.rate)


def _project(new: Any, old: Any) -> None:
    """Make the old logit one feature, which the label's map multiplies with a constant, and the other features zero."""
    last = new.label_map.layers[-1]
    width = len(new.out.weight)
    last.weight[0] = 0
    last.bias[0] = math.sqrt(width) * UNIT_BIAS
    for own, theirs in ((new.out.weight, old.out.weight), (new.out.bias, old.out.bias)):
        own.zero_()
        own[0] = theirs[0]
