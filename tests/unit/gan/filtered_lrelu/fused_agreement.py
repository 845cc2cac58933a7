"""Run by test_fused.py in a process where Triton interprets: holds the fused kernel against zero insertion."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from tests.unit.gan.filtered_lrelu.zero_insertion import away, zero_insertion
from throng.errors import ThrongError
from throng.gan.filtered_lrelu import describe, filtered_lrelu, fused
from throng.gan.filters import lowpass

CASES = [
    ((1, 12, 7), {"up": 2, "down": 2, "padding": (9, 8, 7, 10)}, False, torch.float32),
    ((1, 12, 7), {"up": 2, "down": 2, "padding": (9, 8, 9, 8)}, True, torch.float16),
    ((1, 9, 10), {"up": 4, "down": 2, "padding": (1, -2, -1, 2)}, True, torch.float32),
    ((1, 5, 8), {"up": 2, "down": 4, "padding": (19, 18, 21, 22)}, False, torch.float16),
    ((3, 9, 34), {"up": 1, "down": 1, "padding": (0, 0, 0, 0)}, None, torch.float32),
]


def check(size, layer, radial, dtype):
    torch.manual_seed(0)
    x, bias = torch.randn(1, *size).to(dtype), torch.randn(size[0])
    filters = (None, None)
    if radial is not None:
        filters = lowpass(6 * layer["up"], 2, 3, 16), lowpass(6 * layer["down"], 2, 3, 16, radial=radial)
    results = []
    for way, type_ in ((filtered_lrelu, dtype), (zero_insertion, torch.float64)):
        images, added = x.to(type_).requires_grad_(), bias.clone().requires_grad_()
        y = way(images, added, *filters, **layer, clamp=1.5, implementation="triton")
        target = torch.linspace(-3, 3, y.numel()).sin().reshape(y.shape).to(y.dtype)
        results.append((y.detach(), *torch.autograd.grad(y, (images, added), target)))
    bound = 1e-2 if dtype == torch.float16 else 1e-5
    for ours, theirs in zip(*results, strict=True):
        assert away(ours, theirs) <= bound, (layer, radial, dtype, away(ours, theirs))


if __name__ == "__main__":
    fused.FINE = 32  # so that planes of a few pixels are of several tiles
    for case in CASES:
        check(*case)
    assert "2 bits" in describe("triton", torch.device("cpu"))
    images, layer = torch.zeros(1, 1, 50, 50), {"up": 1, "down": 1, "padding": (0,) * 4, "implementation": "triton"}
    with pytest.raises(ThrongError, match="float32"):
        filtered_lrelu(images.double(), None, None, None, **layer)
    with pytest.raises(ThrongError, match="no room for a filter of 40 taps"):
        filtered_lrelu(images, None, None, torch.ones(40), **layer)
    print("agreed")
