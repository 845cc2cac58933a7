"""A picture that a generator drew is found again, exactly reproducibly, and asked for with another density."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.gan.generators import saved
from throng.errors import ThrongError
from throng.gan.files import read_generator
from throng.gan.metrics.features import load_extractor
from throng.gan.painter import Painter
from throng.gan.requests import every_label, requests_of
from throng.gan.tools.choices import Space
from throng.gan.tools.projection import Options, Projector


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Painter:
    return Painter(read_generator(saved(tmp_path_factory.mktemp("g") / "g.st")))


def target(painter: Painter) -> np.ndarray:
    (image,) = painter.images([99], requests_of(painter.stored, ["some"]))
    return image


@pytest.mark.parametrize("space", list(Space))
def test_the_search_comes_nearer_and_repeats_itself(painter: Painter, space: Space) -> None:
    options = Options(space, steps=12, feature_weight=0.1)
    extractor = load_extractor("random")
    asked = every_label(painter.stored)
    found, again = (Projector(painter, options, extractor).project(target(painter), asked) for _ in range(2))
    assert found.after < found.before
    assert torch.equal(found.parameter, again.parameter)
    other = Projector(painter, Options(space, steps=2, feature_weight=0.1, seed=1), extractor)
    assert not torch.equal(other.project(target(painter), asked).parameter, found.parameter)


@pytest.mark.parametrize("space", list(Space))
def test_another_density_is_another_picture_and_the_own_one_the_same(painter: Painter, space: Space) -> None:
    projector = Projector(painter, Options(space, steps=2), None)
    (own,) = requests_of(painter.stored, ["many"])
    found = projector.project(target(painter), [own])
    assert found.request == own
    latents = projector.under(found, every_label(painter.stored))
    torch.testing.assert_close(latents[2:], projector.under(found, [own]))
    assert not torch.allclose(latents[0], latents[2])


def test_a_search_that_finds_nothing_is_told(painter: Painter, tmp_path: Path) -> None:
    broken = Painter(read_generator(saved(tmp_path / "broken.st", damage=True)))
    with pytest.raises(ThrongError, match="the search found nothing: what is drawn are no numbers"):
        Projector(broken, Options(steps=2), None).project(target(painter), every_label(broken.stored))


def test_random_numbers_are_searched_where_there_are_no_styles(tmp_path: Path) -> None:
    painter = Painter(read_generator(saved(tmp_path / "r.st", name="r3gan")))
    with pytest.raises(ThrongError, match="r3gan has no styles: search space z"):
        Projector(painter, Options(Space.W), None)
    found = Projector(painter, Options(steps=12), None).project(target(painter), every_label(painter.stored))
    assert found.after < found.before
