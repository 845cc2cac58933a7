"""Filtered leaky ReLU whose fine grid is never kept: by compiled rows on a CPU, by matrix products elsewhere.

The backward pass needs one of three slopes per fine sample (Karras et al. 2021, Sec. 3.2). The compiled rows write
them in two bits; the matrix products make the fine grid a second time, which is cheaper there than packing bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from throng.gan.filtered_lrelu import planes, products
from throng.gan.filtered_lrelu.passes import Pass


class Slopes(NamedTuple):
    """A leaky ReLU of ``slope`` below zero, times ``gain``, clamped to +-``clamp``."""

    gain: float
    slope: float
    clamp: float


def polyphase(x: torch.Tensor, bias: torch.Tensor, one: Pass, slopes: Slopes) -> torch.Tensor:
    """Return the pass of x (B, C, H, W) + bias (C,), bent by ``slopes``, in the type of x; differentiable once."""
    if x.device.type == "cpu" and x.dtype != torch.float64:
        keep = torch.is_grad_enabled() and (x.requires_grad or bias.requires_grad)
        return _apply(_Compiled, x, bias, one, slopes, keep)
    return _apply(_Products, x, bias, one, slopes)


def _apply(function: type[torch.autograd.Function], *given: Any) -> torch.Tensor:
    result = function.apply(*given)
    assert isinstance(result, torch.Tensor)
    return result


class _Compiled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, bias: torch.Tensor, one: Pass, slopes: Slopes, keep: bool) -> torch.Tensor:
        source = x.detach().float().reshape(-1, *one.source).contiguous().numpy()
        added = bias.detach().float().repeat(len(x)).numpy()
        codes = planes.new_codes(len(source) if keep else 0, one)
        result = planes.run(one, source, added, codes, _bend(slopes), True, torch.get_num_threads())
        ctx.save_for_backward(torch.from_numpy(codes))
        ctx.one, ctx.slopes, ctx.types = one, slopes, (x.dtype, bias.dtype)
        return torch.from_numpy(result).reshape(*x.shape[:2], *one.result).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        (codes,) = ctx.saved_tensors
        back, (grad,) = ctx.one.adjoint(), grads
        source = grad.detach().float().reshape(-1, *back.source).contiguous().numpy()
        nothing = np.zeros(1, np.float32)
        result = planes.run(back, source, nothing, codes.numpy(), _bend(ctx.slopes), False, torch.get_num_threads())
        of_x = torch.from_numpy(result).reshape(*grad.shape[:2], *back.result)
        return of_x.to(ctx.types[0]), of_x.sum((0, 2, 3)).to(ctx.types[1]), None, None, None


def _bend(slopes: Slopes) -> planes.Bend:
    return planes.Bend(np.float32(slopes.gain), np.float32(slopes.gain * slopes.slope), np.float32(slopes.clamp))


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, bias: torch.Tensor, one: Pass, slopes: Slopes) -> torch.Tensor:
        ctx.save_for_backward(x, bias)
        ctx.one, ctx.slopes = one, slopes
        source = x.reshape(-1, *one.source)
        added = bias.to(x.dtype).repeat(len(x))[:, None, None]
        result = source.new_empty(len(source), *one.result)
        for share in products.shares(len(source), one):
            fine = products.risen(one, source[share] + added[share])
            bent = torch.where(fine > 0, fine, fine * slopes.slope).mul_(slopes.gain)
            result[share] = products.fallen(one, bent.clamp_(-slopes.clamp, slopes.clamp))
        return result.reshape(*x.shape[:2], *one.result)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        x, bias = ctx.saved_tensors
        one, slopes, back = ctx.one, ctx.slopes, ctx.one.adjoint()
        source, grad = x.reshape(-1, *one.source), grads[0].reshape(-1, *back.source)
        added = bias.to(x.dtype).repeat(len(x))[:, None, None]
        of_x = torch.empty_like(source)
        for share in products.shares(len(source), one):
            fine = products.risen(one, source[share] + added[share])
            slope = torch.full_like(fine, slopes.gain).masked_fill_(fine <= 0, slopes.gain * slopes.slope)
            slope *= (fine * slope).abs_() <= slopes.clamp
            of_x[share] = products.fallen(back, products.risen(back, grad[share]).mul_(slope))
        of_x = of_x.reshape(x.shape)
        return of_x, of_x.sum((0, 2, 3), dtype=torch.promote_types(x.dtype, torch.float32)).to(bias.dtype), None, None
