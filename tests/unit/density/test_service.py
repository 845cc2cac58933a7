import itertools
import math
from decimal import Decimal, getcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.density.service import LETTERS, SCHEMES, hazard

BOUNDARIES = [(name, level) for name in SCHEMES for level in range(5)]
PUBLISHED = {  # people per square metre, as two or three decimals of them are found in print
    "fruin-walkway": (0.308, 0.431, 0.718, 1.076, 2.153),
    "hcm-walkway": (0.18, 0.27, 0.45, 0.71, 1.33),
    "hcm-queueing": (0.83, 1.11, 1.43, 3.33, 5.0),
    "fruin-queueing": (0.83, 1.08, 1.54, 3.59, 5.38),
}


@pytest.mark.parametrize(("name", "level"), BOUNDARIES)
def test_a_boundary_and_its_neighbours(name, level):
    scheme = SCHEMES[name]
    getcontext().prec = 50
    foot = Decimal("0.3048") if scheme.unit == "ft2" else Decimal(1)
    boundary = float(1 / (Decimal(scheme.areas[level]) * foot * foot))
    assert scheme.densities[level] == boundary
    assert scheme.level(math.nextafter(boundary, 0)) == level
    assert scheme.level(boundary) == (level if name.startswith("fruin") else level + 1)
    assert scheme.level(math.nextafter(boundary, math.inf)) == level + 1


@pytest.mark.parametrize("name", SCHEMES)
def test_boundaries_are_the_published_ones(name):
    assert SCHEMES[name].densities == pytest.approx(PUBLISHED[name], abs=0.005)


@given(st.sampled_from(sorted(SCHEMES)), st.floats(0, 20), st.floats(0, 20))
def test_denser_is_never_freer(name, first, second):
    scheme = SCHEMES[name]
    low, high = sorted((first, second))
    assert scheme.level(low) <= scheme.level(high)
    assert scheme.letter(high) == LETTERS[scheme.level(high)]


@pytest.mark.parametrize("name", SCHEMES)
def test_every_letter_is_reached(name):
    inside = [0.0, *(math.sqrt(low * high) for low, high in itertools.pairwise(SCHEMES[name].densities)), 1e9]
    assert "".join(SCHEMES[name].letter(density) for density in inside) == LETTERS


def test_hazard_marks():
    marks = [(0.43, "normal walking pace"), (2.0, "slowed walking"), (3.57, "involuntary contact")]
    marks += [(5.55, "dangerous forces"), (7.1, "critical even when standing")]
    before = "free movement"
    assert hazard(0) == before
    for mark, words in marks:
        assert hazard(math.nextafter(mark, 0)) == before
        assert hazard(mark) == words
        before = words


@pytest.mark.parametrize("density", [-1e-9, math.nan, -math.inf])
def test_no_density(density):
    with pytest.raises(ValueError, match="0 or more"):
        hazard(density)
    with pytest.raises(ValueError, match="0 or more"):
        SCHEMES["hcm-walkway"].level(density)
