"""A pass of a filtered leaky ReLU in one Triton kernel: the fine grid lives in registers, two bits a sample survive it.

A program takes one tile of one plane: rises to the fine grid by products with banded tiles (which matrix units do
faster than as many sliding sums), bends, falls. The backward pass is the same kernel on the adjoint pass, reading the
codes that the forward pass wrote (Karras et al. 2021, Sec. 3.2). No sum depends on the order in which programs run.
Triton decides on import whether kernels are compiled for a GPU or interpreted (``TRITON_INTERPRET=1``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable
from triton.runtime import JITFunction

from throng.errors import ThrongError
from throng.gan.filtered_lrelu.passes import Pass
from throng.gan.filtered_lrelu.polyphase import Slopes
from throng.gan.filtered_lrelu.products import bands

FINE = 64  # samples of the fine grid along a tile's side


def interpreted() -> bool:
    """Whether Triton interprets its kernels in this process, so that they run without a GPU."""
    return not isinstance(_pass_kernel, JITFunction)


def fused(x: torch.Tensor, bias: torch.Tensor, one: Pass, slopes: Slopes) -> torch.Tensor:
    """Return the pass of x (B, C, H, W) + bias (C,), bent by ``slopes``, in the type of x; differentiable once.

    Sums are float32. Raises ThrongError for float64 and for filters too long for a tile.
    """
    if x.dtype == torch.float64:
        raise ThrongError("implementation 'triton' computes in float32: use implementation 'polyphase' for float64")
    keep = torch.is_grad_enabled() and (x.requires_grad or bias.requires_grad)
    result = _Fused.apply(x, bias, one, slopes, keep)
    assert isinstance(result, torch.Tensor)
    return result


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, bias: torch.Tensor, one: Pass, slopes: Slopes, keep: bool) -> torch.Tensor:
        planes, packed = len(x) * x.shape[1], -(-one.fine[1] // 4)
        codes = torch.empty((planes if keep else 0, one.fine[0], packed), dtype=torch.uint8, device=x.device)
        ctx.save_for_backward(codes)
        ctx.one, ctx.slopes, ctx.types = one, slopes, (x.dtype, bias.dtype)
        return _run(one, x, bias.float().contiguous(), codes, slopes, backward=False)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grads: torch.Tensor
    ) -> tuple[torch.Tensor | None, ...]:
        (codes,) = ctx.saved_tensors
        grad = grads[0].to(ctx.types[0])
        of_x = _run(ctx.one.adjoint(), grad, codes, codes, ctx.slopes, backward=True)
        return of_x, of_x.sum((0, 2, 3), dtype=torch.float32).to(ctx.types[1]), None, None, None


def _run(
    one: Pass, source: torch.Tensor, bias: torch.Tensor, codes: torch.Tensor, slopes: Slopes, *, backward: bool
) -> torch.Tensor:
    source = source.contiguous()
    result = source.new_empty(*source.shape[:2], *one.result)
    rows, columns = _tiling(one, 0), _tiling(one, 1)
    rise_along, fall_along = _tiles(rows, source.dtype, source.device)
    rise_across, fall_across = _tiles(columns, source.dtype, source.device)
    tiles = (-(-one.result[0] // rows.owned), -(-one.result[1] // columns.owned))
    launch: Any = _pass_kernel
    launch[(result.shape[0] * result.shape[1] * tiles[0] * tiles[1],)](
        source, bias, result, codes, rise_along, rise_across, fall_along, fall_across,
        source.shape[1], *one.source, *one.fine, *one.result, -(-one.fine[1] // 4), *tiles,
        rows.owned, columns.owned, rows.step, columns.step, rows.first, columns.first,
        rows.pace, columns.pace, rows.start, columns.start,
        slopes.gain, slopes.gain * slopes.slope, slopes.clamp,
        BACKWARD=backward, KEEP=len(codes) > 0 and not backward,
        RISES=len(one.rise.along), FALLS=len(one.fall.along), FINE=FINE,
        ROWS=rows.source, COLUMNS=columns.source, ROWS_OUT=rows.result, COLUMNS_OUT=columns.result,
    )  # fmt: skip
    return result


@dataclass(frozen=True)
class Tiling:
    """One axis: tile k makes results from k ``owned`` on, of fine samples first + k step, of source start + k pace."""

    owned: int
    step: int
    first: int
    pace: int
    start: int
    source: int  # samples of the source that a tile reads, up to a power of two
    result: int  # the same of results
    rise: tuple[tuple[float, ...], ...]
    fall: tuple[tuple[float, ...], ...]
    rise_step: int
    fall_step: int
    rise_before: int
    fall_before: int


def _tiling(one: Pass, axis: int) -> Tiling:
    rise, fall = (one.rise.along, one.fall.along) if axis == 0 else (one.rise.across, one.fall.across)
    taps = len(fall[0])
    # A tile's matrices serve all tiles: each starts at a source sample, and its codes at a byte.
    whole = math.lcm(one.rise_step, 4) // math.gcd(math.lcm(one.rise_step, 4), one.fall_step)
    owned = ((FINE - taps) // one.fall_step + 1) // whole * whole
    if owned < 1:
        raise ThrongError(f"implementation 'triton' has no room for a filter of {taps} taps: use 'polyphase'")
    first = -one.fall_before[axis]
    rise_taps, before = len(rise[0]), one.rise_before[axis]
    start = math.ceil((first - before) / one.rise_step)
    last = (first + FINE - 1 + rise_taps - 1 - before) // one.rise_step
    step = owned * one.fall_step
    return Tiling(
        owned, step, first, step // one.rise_step, start, _power_of_two(last - start + 1), _power_of_two(owned),
        rise, fall, one.rise_step, one.fall_step, before + start * one.rise_step - first, 0,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _tiles(axis: Tiling, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how a tile rises (terms, FINE, source) and falls (terms, result, FINE) along an axis."""
    rise = bands(axis.rise, axis.rise_step, axis.rise_before, axis.source, FINE)
    flipped = tuple(row[::-1] for row in axis.fall)
    fall = bands(flipped, axis.fall_step, len(axis.fall[0]) - 1, axis.result, FINE).transpose(1, 2)
    fall[:, axis.owned :] = 0
    return rise.to(device, dtype).contiguous(), fall.to(device, dtype).contiguous()


def _power_of_two(least: int) -> int:
    return max(16, 1 << (least - 1).bit_length())


@triton.jit
def _pass_kernel(
    source, bias, result, codes, rise_along, rise_across, fall_along, fall_across,
    channels, height, width, fine_height, fine_width, result_height, result_width, packed, tile_rows, tile_columns,
    owned_rows, owned_columns, row_step, column_step, first_row, first_column,
    row_pace, column_pace, start_row, start_column, high, low, clamp,
    BACKWARD: tl.constexpr, KEEP: tl.constexpr, RISES: tl.constexpr, FALLS: tl.constexpr, FINE: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, ROWS_OUT: tl.constexpr, COLUMNS_OUT: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    tile_column, tile_row = program % tile_columns, (program // tile_columns) % tile_rows
    plane = (program // (tile_columns * tile_rows)).to(tl.int64)
    r, c, f = tl.arange(0, ROWS), tl.arange(0, COLUMNS), tl.arange(0, FINE)
    row, column = start_row + tile_row * row_pace + r, start_column + tile_column * column_pace + c
    known = ((row >= 0) & (row < height))[:, None] & ((column >= 0) & (column < width))[None, :]
    value = tl.load(source + plane * height * width + row[:, None] * width + column[None, :], mask=known, other=0.0)
    if not BACKWARD:
        value = tl.where(known, value.to(tl.float32) + tl.load(bias + plane % channels), 0.0).to(value.dtype)
    fine = tl.zeros((FINE, FINE), tl.float32)
    for term in tl.static_range(RISES):
        along = tl.load(rise_along + term * FINE * ROWS + f[:, None] * ROWS + r[None, :])
        across = tl.load(rise_across + term * FINE * COLUMNS + f[None, :] * COLUMNS + c[:, None])
        wide = tl.dot(value, across, input_precision="ieee").to(value.dtype)
        fine = tl.dot(along, wide, fine, input_precision="ieee")
    fine_row, fine_column = first_row + tile_row * row_step + f, first_column + tile_column * column_step + f
    if BACKWARD:
        there = ((fine_row >= 0) & (fine_row < fine_height))[:, None]
        there = there & ((fine_column >= 0) & (fine_column < fine_width))[None, :]
        place = (plane * fine_height + fine_row[:, None]) * packed + fine_column[None, :] // 4
        byte = tl.load(codes + place, mask=there, other=0).to(tl.int32)
        code = (byte >> (fine_column % 4 * 2)[None, :]) & 3
        fine = fine * tl.where(there & (code == 0), high, tl.where(there & (code == 1), low, 0.0))
    else:
        bent = fine * tl.where(fine > 0, high, low)
        if KEEP:
            code = tl.where(tl.abs(bent) > clamp, 2, tl.where(fine > 0, 0, 1)).to(tl.int32)
            byte = tl.sum(tl.reshape(code << (f % 4 * 2)[None, :], (FINE, FINE // 4, 4)), 2).to(tl.uint8)
            b = tl.arange(0, FINE // 4)
            byte_column = (first_column + tile_column * column_step) // 4 + b
            # Tiles overlap: each writes what no later one will.
            mine_row = (fine_row < fine_height) & ((f < row_step) | (tile_row == tile_rows - 1))
            mine_column = (byte_column < packed) & ((b * 4 < column_step) | (tile_column == tile_columns - 1))
            place = (plane * fine_height + fine_row[:, None]) * packed + byte_column[None, :]
            tl.store(codes + place, byte, mask=mine_row[:, None] & mine_column[None, :])
        fine = tl.minimum(tl.maximum(bent, -clamp), clamp)
    bowed = fine.to(value.dtype)
    y, x = tl.arange(0, ROWS_OUT), tl.arange(0, COLUMNS_OUT)
    total = tl.zeros((ROWS_OUT, COLUMNS_OUT), tl.float32)
    for term in tl.static_range(FALLS):
        along = tl.load(fall_along + term * ROWS_OUT * FINE + y[:, None] * FINE + f[None, :])
        across = tl.load(fall_across + term * COLUMNS_OUT * FINE + x[None, :] * FINE + f[:, None])
        flat = tl.dot(along, bowed, input_precision="ieee").to(value.dtype)
        total = tl.dot(flat, across, total, input_precision="ieee")
    result_row, result_column = tile_row * owned_rows + y, tile_column * owned_columns + x
    inside = ((y < owned_rows) & (result_row < result_height))[:, None]
    inside = inside & ((x < owned_columns) & (result_column < result_width))[None, :]
    place = (plane * result_height + result_row[:, None]) * result_width + result_column[None, :]
    tl.store(result + place, total, mask=inside)
