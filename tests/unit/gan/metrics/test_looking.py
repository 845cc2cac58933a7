import numpy as np
import pytest

from throng.errors import ThrongError
from throng.gan.metrics.extractor import Extractor
from throng.gan.metrics.looking import look
from throng.gan.metrics.memorisation import thumbnails


def _extractor(name: str, level: int) -> Extractor:
    return Extractor(name, "0" * 64, 3, False, "for tests", "cpu", lambda images: level + images.mean((2, 3)))


def _photographs(number: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, 8, 8, 3)).astype(np.uint8)


@pytest.mark.parametrize("told", [20, 0, 25])
def test_every_image_is_kept_by_every_extractor_in_its_order_whatever_number_was_told(told: int) -> None:
    pixels = _photographs(20)
    batches = (pixels[start : start + 7] for start in range(0, 20, 7))
    looked = look(batches, [_extractor("one", 0), _extractor("two", 1000)], "images", told)
    means = pixels.mean((1, 2))
    assert len(looked.features) == 2
    np.testing.assert_allclose(looked.features[0], means, rtol=1e-4)
    np.testing.assert_allclose(looked.features[1], 1000 + means, rtol=1e-4)
    np.testing.assert_allclose(looked.thumbnails, thumbnails(pixels), atol=0.05)


def test_no_images_are_refused() -> None:
    with pytest.raises(ThrongError, match="training images: no images"):
        look(iter([]), [_extractor("one", 0)], "training images", 0)
