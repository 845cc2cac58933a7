"""The shift form in one Triton kernel: each unit's Gaussian is read at its place and mixed at once, nothing is stored.

A convolution by K displaced separable kernels needs K copies of the feature maps; here a tile of one copy lives in
registers between the blur and the matrix product. Sums run in a fixed order, so equal inputs give equal gradients.
Triton decides on import whether kernels are compiled for a GPU or interpreted (``TRITON_INTERPRET=1``).
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from triton.runtime import JITFunction

from throng.errors import ThrongError

PIXELS = 64
CHANNELS = 16
LARGEST_OUTPUT_TILE = 64
GRADIENT_PIXELS = 32
SPLITS = 64


def fused_displaced_mix(
    features: torch.Tensor, weight: torch.Tensor, across: torch.Tensor, down: torch.Tensor, whole: torch.Tensor
) -> torch.Tensor:
    """Return sum_k W_k T_k(features), (B, F, H, W), with zeros outside (B, C, H, W), in the features' type.

    ``weight`` is (F, C, K); unit k has the separable taps ``across`` and ``down`` (K, T), T odd, centred ``whole`` (2,
    K) whole pixels right of and below a position. Arithmetic is float32. Differentiable in all but ``whole``. Raises
    ThrongError for float64, and where neither a GPU nor Triton's interpreter runs it.
    """
    if isinstance(_mix_kernel, JITFunction) and not features.is_cuda:
        raise ThrongError(
            f"backend 'triton' needs its features on a GPU, not on {features.device}: use backend 'eager' there"
        )
    if features.dtype == torch.float64:
        raise ThrongError("backend 'triton' computes in float32: use backend 'eager' for float64")
    with torch.autocast(features.device.type, enabled=False):
        mixed = _FusedMix.apply(features.float(), weight.float(), across.float(), down.float(), whole)
    assert isinstance(mixed, torch.Tensor)
    return mixed.to(features.dtype)


class _FusedMix(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *tensors: torch.Tensor) -> torch.Tensor:
        features, weight, across, down, whole = tensors
        features, across, down = features.contiguous(), across.contiguous(), down.contiguous()
        places = whole.to(torch.int32).contiguous()
        ctx.save_for_backward(features, weight, across, down, places)
        return _mixed(features, weight, across, down, places)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        features, weight, across, down, places = ctx.saved_tensors
        grad = grads[0].float().contiguous()
        # The adjoint reads mirrored kernels at the opposite places, with inputs and outputs exchanged.
        of_features = (
            _mixed(grad, weight.transpose(0, 1), across.flip(1).contiguous(), down.flip(1).contiguous(), -places)
            if ctx.needs_input_grad[0]
            else None
        )
        of_weight, of_kernel = _parameter_gradients(features, weight, across, down, places, grad)
        of_across, of_down = torch.einsum("kji,kj->ki", of_kernel, down), torch.einsum("kji,ki->kj", of_kernel, across)
        return of_features, of_weight, of_across, of_down, None


def _mixed(
    features: torch.Tensor, weight: torch.Tensor, across: torch.Tensor, down: torch.Tensor, places: torch.Tensor
) -> torch.Tensor:
    batch, channels, height, width = features.shape
    outputs, _, units = weight.shape
    response = features.new_empty(batch, outputs, height, width)
    tile = max(16, min(LARGEST_OUTPUT_TILE, _power_of_two(outputs)))
    grid = (-(-height * width // PIXELS), -(-outputs // tile), batch)
    launch: Any = _mix_kernel
    launch[grid](
        features, weight.permute(2, 1, 0).contiguous(), across, down, places, response,
        channels, outputs, units, height, width,
        TAPS=across.shape[1], PIXELS=PIXELS, CHANNELS=CHANNELS, OUTPUTS=tile,
    )  # fmt: skip
    return response


def _parameter_gradients(
    features: torch.Tensor,
    weight: torch.Tensor,
    across: torch.Tensor,
    down: torch.Tensor,
    places: torch.Tensor,
    grad: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of the weight (F, C, K) and of every unit's whole kernel (K, T, T), rows first."""
    batch, channels, height, width = features.shape
    outputs, _, units = weight.shape
    taps = across.shape[1]
    chunks = -(-batch * height * width // GRADIENT_PIXELS)
    splits, slices = min(SPLITS, chunks), -(-channels // CHANNELS)
    of_weight = features.new_zeros(splits, units, channels, outputs)
    of_kernel = features.new_zeros(splits, slices, units, taps * taps)
    launch: Any = _gradient_kernel
    launch[(splits, slices, units)](
        features, weight.permute(2, 1, 0).contiguous(), across, down, places, grad, of_weight, of_kernel,
        batch, channels, outputs, units, height, width, splits, slices, -(-chunks // splits),
        TAPS=taps, KERNEL=_power_of_two(taps * taps), PIXELS=GRADIENT_PIXELS, CHANNELS=CHANNELS,
        OUTPUTS=max(16, _power_of_two(outputs)),
    )  # fmt: skip
    return of_weight.sum(0).permute(2, 1, 0), of_kernel.sum((0, 1)).reshape(units, taps, taps)


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()


@triton.jit
def _mix_kernel(
    features, weight, across, down, places, response, channels, outputs, units, height, width,
    TAPS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, OUTPUTS: tl.constexpr,
):  # fmt: skip
    area = height * width
    image = tl.program_id(2).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    output = tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)
    row, column = pixel // width, pixel % width
    total = tl.zeros((OUTPUTS, PIXELS), tl.float32)
    for unit in range(units):
        left = column + tl.load(places + unit) - TAPS // 2
        top = row + tl.load(places + units + unit) - TAPS // 2
        for first in range(0, channels, CHANNELS):
            channel = first + tl.arange(0, CHANNELS)
            base = features + (image * channels + channel)[:, None] * area
            blurred = tl.zeros((CHANNELS, PIXELS), tl.float32)
            for j in range(TAPS):
                y = top + j
                line = tl.zeros((CHANNELS, PIXELS), tl.float32)
                for i in range(TAPS):
                    x = left + i
                    there = (pixel < area) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
                    seen = (channel < channels)[:, None] & there[None, :]
                    value = tl.load(base + (y * width + x)[None, :], mask=seen, other=0.0)
                    line += tl.load(across + unit * TAPS + i) * value
                blurred += tl.load(down + unit * TAPS + j) * line
            known = (output < outputs)[:, None] & (channel < channels)[None, :]
            place = (unit * channels + channel)[None, :] * outputs + output[:, None]
            matrix = tl.load(weight + place, mask=known, other=0.0)
            total = tl.dot(matrix, blurred, total, input_precision="ieee")
    target = response + (image * outputs + output)[:, None] * area + pixel[None, :]
    tl.store(target, total, mask=(output < outputs)[:, None] & (pixel < area)[None, :])


@triton.jit
def _gradient_kernel(
    features, weight, across, down, places, grad, of_weight, of_kernel,
    batch, channels, outputs, units, height, width, splits, slices, chunks,
    TAPS: tl.constexpr, KERNEL: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, OUTPUTS: tl.constexpr,
):  # fmt: skip
    area = height * width
    split, part, unit = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    channel = part * CHANNELS + tl.arange(0, CHANNELS)
    output = tl.arange(0, OUTPUTS)
    known = (channel < channels)[:, None] & (output < outputs)[None, :]
    place = (unit * channels + channel)[:, None] * outputs + output[None, :]
    matrix = tl.load(weight + place, mask=known, other=0.0)
    offset_x, offset_y = tl.load(places + unit) - TAPS // 2, tl.load(places + units + unit) - TAPS // 2
    taps = tl.arange(0, KERNEL)
    kernel_sum = tl.zeros((KERNEL,), tl.float32)
    weight_sum = tl.zeros((CHANNELS, OUTPUTS), tl.float32)
    for chunk in range(chunks):
        site = (split * chunks + chunk).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
        image, pixel = site // area, site % area
        row, column = pixel // width, pixel % width
        error = tl.load(
            grad + ((image * outputs)[None, :] + output[:, None]) * area + pixel[None, :],
            mask=(output < outputs)[:, None] & (site < batch * area)[None, :],
            other=0.0,
        )
        # What each input channel is blamed for, and what it looked like there.
        blame = tl.dot(matrix, error, input_precision="ieee")
        blurred = tl.zeros((CHANNELS, PIXELS), tl.float32)
        for j in range(TAPS):
            y = row + offset_y + j
            line = tl.zeros((CHANNELS, PIXELS), tl.float32)
            for i in range(TAPS):
                x = column + offset_x + i
                there = (site < batch * area) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
                source = ((image * channels)[None, :] + channel[:, None]) * area + (y * width + x)[None, :]
                value = tl.load(features + source, mask=(channel < channels)[:, None] & there[None, :], other=0.0)
                kernel_sum += tl.where(taps == j * TAPS + i, tl.sum(tl.sum(blame * value, 1), 0), 0.0)
                line += tl.load(across + unit * TAPS + i) * value
            blurred += tl.load(down + unit * TAPS + j) * line
        weight_sum = tl.dot(blurred, tl.trans(error), weight_sum, input_precision="ieee")
    of = of_weight + ((split * units + unit) * channels + channel)[:, None] * outputs + output[None, :]
    tl.store(of, weight_sum, mask=known)
    slot = of_kernel + ((split * slices + part) * units + unit) * TAPS * TAPS + taps
    tl.store(slot, kernel_sum, mask=taps < TAPS * TAPS)
