import numpy as np
import pytest
import torch

from tests.unit.gan.metrics.stand_ins import Aliased, with_contrast
from throng.errors import ThrongError
from throng.gan.metrics.equivariance import equivariance
from throng.gan.stylegan3 import Generator

# Calibrated over 3 seeds at 32 x 32 and the contrast of photographs: T moved at 67 dB or better, R turned at 59 dB or
# better, the aliased control at 23 dB or worse over 5. The gates are the specification's and stay.
MOVED, TURNED, ALIASED = 55.0, 35.0, 25.0


def _stylegan3(config: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return with_contrast(
        Generator(config, 32, cbase=1024, cmax=16, z_dim=16, w_dim=16, layers=6)  # pyright: ignore[reportArgumentType]
    )


def test_translation_moves_the_pictures_of_an_untrained_t() -> None:
    found = equivariance(_stylegan3("t"), None, np.zeros(4), seed=0)
    assert found["eq_t_int"]["value"] >= MOVED
    assert found["eq_t_frac"]["value"] >= MOVED
    # 3 x 3 kernels do not turn with the picture
    assert found["eq_r"]["value"] < TURNED
    assert found["eq_r"]["images"] == 4


def test_rotation_turns_the_pictures_of_an_untrained_r() -> None:
    found = equivariance(_stylegan3("r"), None, np.zeros(4), seed=0, resamples=50)
    for kind in ("eq_t_int", "eq_t_frac"):
        assert found[kind]["value"] >= MOVED
    assert found["eq_r"]["value"] >= TURNED
    low, high = found["eq_r"]["interval"]
    assert low <= found["eq_r"]["value"] <= high


def test_details_of_an_aliased_generator_stick_to_the_pixels() -> None:
    torch.manual_seed(0)
    found = equivariance(with_contrast(Aliased()), None, np.zeros(6), seed=0)
    assert all(row["value"] < ALIASED for row in found.values())


def test_what_is_measured_depends_on_neither_the_batch_size_nor_the_other_kinds() -> None:
    torch.manual_seed(0)
    generator = Aliased()
    together = equivariance(generator, None, np.zeros(3), seed=1)
    alone = equivariance(generator, None, np.zeros(3), seed=1, kinds=["eq_r"], batch_size=1)
    assert alone["eq_r"]["value"] == pytest.approx(together["eq_r"]["value"], abs=1e-3)


def test_a_generator_of_half_precision_is_measured_in_float32_and_left_as_it_was() -> None:
    generator = _stylegan3("t")
    full = equivariance(generator, None, np.zeros(1), seed=0, kinds=["eq_t_int"])
    generator.half = torch.bfloat16  # pyright: ignore[reportAttributeAccessIssue]
    assert equivariance(generator, None, np.zeros(1), seed=0, kinds=["eq_t_int"]) == full
    assert generator.half is torch.bfloat16


def test_what_cannot_be_measured_is_refused() -> None:
    torch.manual_seed(0)
    with pytest.raises(ThrongError, match="no equivariance is called 'eq_x'"):
        equivariance(Aliased(), None, np.zeros(1), seed=0, kinds=["eq_x"])
    with pytest.raises(ThrongError, match="16 pixels are too small to be turned"):
        equivariance(Aliased(16), None, np.zeros(1), seed=0)
    with pytest.raises(ThrongError, match="1 image at least"):
        equivariance(Aliased(), None, np.zeros(0), seed=0)
