import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.counting.test_inference import identity
from throng.counting.inference import predict_count
from throng.counting.registry import build
from throng.counting.windows import Windows, lay_out
from throng.errors import ThrongError


@given(
    blocks=st.integers(1, 300),
    length=st.integers(2, 40),
    overlap=st.floats(0, 0.75),
    cells=st.sampled_from([1, 2, 8]),
)
def test_weights_sum_to_one_in_every_cell_and_overlap_as_much_as_asked(blocks, length, overlap, cells):
    axis = lay_out(blocks, length, overlap, cells)
    total = np.zeros(blocks * cells)
    for start, weights in zip(axis.starts, axis.weights, strict=True):
        assert (weights > 0).all()
        total[start * cells : (start + axis.length) * cells] += weights
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    assert axis.starts[0] == 0
    assert axis.starts[-1] + axis.length == blocks
    shared = min(int(np.ceil(overlap * axis.length)), axis.length - 1)
    steps = np.diff(axis.starts)
    assert (steps <= axis.length - shared).all()


def test_weights_change_smoothly_between_windows():
    weights = lay_out(96, 32, 0.5, 8).weights
    assert np.abs(np.diff(weights[1])).max() < 0.02


@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize("shape", [(64, 96), (61, 83), (4, 5), (130, 17)])
@pytest.mark.parametrize("batch", [1, 3])
def test_windows_of_a_shift_equivariant_network_equal_the_whole(stride, shape, batch):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    whole_count, whole = predict_count(identity(stride), image)
    windows = Windows(size=32, overlap=0.25, batch=batch)
    count, blended = predict_count(identity(stride), image, scheme="windows", windows=windows)
    assert blended.shape == whole.shape
    np.testing.assert_allclose(blended, whole, rtol=1e-5)
    assert count == pytest.approx(whole_count)


def test_a_network_of_convolutions_counts_by_windows_what_it_counts_whole_far_from_their_borders():
    torch.manual_seed(0)
    model = build("mcnn").eval()
    image = np.random.default_rng(0).integers(0, 256, (256, 384, 3), dtype=np.uint8)
    whole, _ = predict_count(model, image)
    blended, _ = predict_count(model, image, scheme="windows", windows=Windows(size=192))
    assert blended == pytest.approx(whole, rel=0.02)


def test_one_window_that_holds_the_image_is_the_image():
    model = build("compact").eval()
    image = np.random.default_rng(0).integers(0, 256, (61, 83, 3), dtype=np.uint8)
    whole, blended = predict_count(model, image)[1], predict_count(model, image, scheme="windows")[1]
    np.testing.assert_allclose(blended, whole, rtol=1e-5)


def test_bad_windows_are_refused():
    image = np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(ThrongError, match="overlap by 0 to"):
        Windows(overlap=0.9)
    with pytest.raises(ThrongError, match="at least 16"):
        Windows(size=8)
    with pytest.raises(ThrongError, match="'windows' alone"):
        predict_count(identity(1), image, windows=Windows())
    with pytest.raises(ThrongError, match="whole, patches, windows"):
        predict_count(identity(1), image, scheme="tiles")


@pytest.mark.slow
def test_a_photograph_of_108_megapixels_needs_the_memory_of_a_window_beside_its_pixels_and_map():
    import subprocess
    import sys

    program = """
import resource, sys
import numpy as np, torch
from throng.counting.inference import predict_count
from tests.unit.counting.test_inference import identity
torch.set_num_threads(1)
model = identity(8)
small = np.zeros((768, 768, 3), np.uint8)
predict_count(model, small, scheme="windows")
image = np.zeros((9000, 12000, 3), np.uint8)
image[:] = 1
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
_, density = predict_count(model, image, scheme="windows")
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert density.shape == (1125, 1500)
print((after - before) / 1024)
"""
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=_environment())
    assert made.returncode == 0, made.stderr
    # The image is 309 MiB, and whole it would take tens of times that.
    assert float(made.stdout) < 150


def _environment():
    import os
    from pathlib import Path

    root = Path(__file__).resolve().parents[3]
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'workflow' / 'scripts'}", "OMP_NUM_THREADS": "1"}
