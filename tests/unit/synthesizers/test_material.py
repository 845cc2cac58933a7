"""What composites may be made of."""

import dataclasses

import pytest

from tests.unit.synthesizers.drawn import FEET, Drawing
from throng.errors import ThrongError
from throng.images import ImageStore
from throng.synthesizers.material import training_material


def test_only_training_photographs_of_the_named_sources_are_material(tmp_path):
    drawing = Drawing(tmp_path / "town")
    ours = drawing.photograph(FEET)
    theirs = drawing.photograph(FEET)
    drawing.images[-1] = dataclasses.replace(drawing.images[-1], source="theirs")
    drawing.photograph(FEET, split="test")

    def material(sources):
        rows = drawing.images, drawing.detections, drawing.removals
        return training_material(*rows, ImageStore(drawing.roots), sources)

    assert set(material(None).photographs) == {ours, theirs}
    assert set(material(["source"]).photographs) == {ours}
    assert set(material(["theirs"]).detections) == set(material(["theirs"]).emptied) == {theirs}
    with pytest.raises(ThrongError, match=r"has no source 'elsewhere'; there are source, theirs"):
        material(["elsewhere"])
