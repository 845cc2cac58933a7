"""Networks like LaMa in every convention that their exports know, against the mean computed here."""

from pathlib import Path

import numpy as np
import pytest

from tests import inpainters
from throng.errors import ThrongError
from throng.removers import lama
from throng.removers.protocol import Request
from throng.sections.remove import Lama


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (height, width, 3), np.uint8)


def hole(height: int, width: int, top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[top : top + side, left : left + side] = True
    return mask


@pytest.mark.parametrize("fill", [1, 0])
@pytest.mark.parametrize(("input_max", "output_max"), [(1, 255), (255, 255), (1, 1), (255, 1)])
def test_every_convention_gives_the_same_pixels(tmp_path, fill, input_max, output_max):
    convention = {"fill": fill, "input_max": input_max, "output_max": output_max}
    path = inpainters.build(tmp_path / "m.onnx", image="x", mask="m", output="y", **convention)
    names = {"image_input": "x", "mask_input": "m", "output": "y"}
    remover = lama.make(Lama(model=str(path), size=None, context=6, **names, **convention), path)
    pixels, mask = image(40, 48), hole(40, 48, 16, 20, 8)
    (edited,) = remover.edit([Request("chain", pixels, mask, 0)])
    seen = np.s_[10:30, 14:34]  # the area and its context, padded by its edge to a multiple of 8
    padded = np.pad(pixels[seen], ((0, 4), (0, 4), (0, 0)), mode="edge")
    kept = ~np.pad(mask[seen], ((0, 4), (0, 4)), mode="edge")
    assert np.abs(edited[mask] - padded[kept].mean(axis=0)).max() <= 0.51


def test_a_fixed_size_is_taken_at_the_photographs_resolution_where_it_is_large_enough(tmp_path):
    path = inpainters.build(tmp_path / "m.onnx", size=32)
    remover = lama.make(Lama(model=str(path), size=32, context=4), path)
    pixels, mask = image(100, 100), hole(100, 100, 50, 0, 8)
    (edited,) = remover.edit([Request("chain", pixels, mask, 0)])
    seen = np.s_[38:70, 0:32]
    assert np.abs(edited[mask] - pixels[seen][~mask[seen]].mean(axis=0)).max() <= 0.51


def test_an_area_larger_than_the_network_is_filled_too(tmp_path):
    path = inpainters.build(tmp_path / "m.onnx", size=32)
    remover = lama.make(Lama(model=str(path), size=32, context=8), path)
    pixels = np.full((90, 140, 3), (10, 100, 200), np.uint8)
    mask = hole(90, 140, 10, 20, 70)
    pixels[mask] = 255
    (edited,) = remover.edit([Request("chain", pixels, mask, 0)])
    assert np.abs(edited[mask].astype(int) - (10, 100, 200)).max() <= 1


def test_far_areas_do_not_see_each_other(tmp_path):
    path = inpainters.build(tmp_path / "m.onnx")
    remover = lama.make(Lama(model=str(path), size=None, context=8), path)
    pixels = image(60, 160)
    one, other = hole(60, 160, 20, 20, 10), hole(60, 160, 20, 120, 10)
    (both,) = remover.edit([Request("chain", pixels, one | other, 0)])
    (alone,) = remover.edit([Request("chain", pixels, one, 0)])
    assert np.array_equal(both[one], alone[one])


def config(model: Path, size: int | None = None) -> Lama:
    return Lama(model=str(model), size=size)


def test_wrong_names_are_answered_with_the_right_ones(tmp_path):
    path = inpainters.build(tmp_path / "m.onnx", image="photo", mask="gap", output="picture")
    with pytest.raises(ThrongError, match=r"has the inputs \['gap', 'photo'\] and the outputs \['picture'\]"):
        lama.make(config(path), path)


def test_bad_files_are_named(tmp_path):
    path = tmp_path / "m.onnx"
    with pytest.raises(ThrongError, match=r"remove.model: .*m.onnx not found"):
        lama.make(config(path), path)
    path.write_bytes(b"no model")
    with pytest.raises(ThrongError, match=r"m.onnx is no ONNX model"):
        lama.make(config(path), path)


def test_a_network_of_another_size_is_found_when_it_is_loaded(tmp_path):
    path = inpainters.build(tmp_path / "m.onnx", size=32)
    with pytest.raises(ThrongError, match=r"fails on an image of 64x64, which remove.size"):
        lama.make(config(path, size=64), path)
