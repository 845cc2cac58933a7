import numpy as np
import pytest
import torch

from tests.unit.gan.metrics.stand_ins import Linear, pixels_extractor
from throng.errors import ThrongError
from throng.gan.metrics.drawing import noise
from throng.gan.metrics.path_length import path_length


@pytest.mark.parametrize("ends", [True, False])
def test_path_length_of_a_linear_generator_is_that_of_its_map(ends: bool) -> None:
    torch.manual_seed(0)
    generator = Linear()
    found = path_length(generator, None, np.zeros(200), pixels_extractor(192), seed=3, ends=ends, resamples=30)
    one, other = noise(3, range(0, 400, 2), 5), noise(3, range(1, 400, 2), 5)
    lengths = (127.5 * (other - one) @ generator.map.weight.T).square().sum(1).detach().numpy()
    # of 200 lengths, the first and the last percentile are the one shortest and the one longest
    expected = np.sort(lengths)[1:-1].mean()
    # float32 pixels of 0..255 and a step of 1e-4
    assert found["value"] == pytest.approx(expected, rel=0.02)
    assert found["interval"][0] < found["value"] < found["interval"][1]
    assert found["pairs"] == 200


def test_a_pair_shares_its_label_and_no_labels_are_refused() -> None:
    generator = Linear()
    with pytest.raises(ThrongError, match="1 pair of latents at least"):
        path_length(generator, None, np.zeros(0), pixels_extractor(192), seed=0)
