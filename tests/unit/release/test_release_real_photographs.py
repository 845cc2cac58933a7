"""Real photographs, real heads: stripping changes no pixel of them, and what is blurred is where heads are."""

import os
from pathlib import Path

import numpy as np
import pytest

from throng.images import decode, decode_grey
from throng.release import metadata, xmp
from throng.release.faces import blur
from throng.release.heads import top_of

DATA = Path(os.environ.get("THRONG_DATA", "missing"))
PENN_FUDAN = DATA / "pennfudan"
PHOTOGRAPHS = (
    DATA / "shanghaitech/part_B/train_data/images",
    DATA / "shanghaitech/part_B/test_data/images",
    DATA / "shanghaitech_sample/part_A_final/train_data/images",
    PENN_FUDAN / "PNGImages",
)
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not PENN_FUDAN.is_dir(), reason="THRONG_DATA names no folder with the real photographs"),
]


@pytest.mark.parametrize("folder", PHOTOGRAPHS, ids=lambda folder: "/".join(folder.parts[-3:]))
def test_real_photographs_keep_their_pixels_and_lose_everything_else(folder: Path) -> None:
    files = sorted(folder.iterdir())[::8]
    assert files
    for file in files:
        data = file.read_bytes()
        stripped, marked = metadata.strip(data), metadata.with_source_type(data, "composite")
        assert metadata.private_parts(stripped) == metadata.private_parts(marked) == [], file
        assert xmp.digital_source_type(marked) == "composite", file
        assert np.array_equal(decode(data), decode(stripped)), file
        assert np.array_equal(decode(data), decode(marked)), file


def test_heads_of_people_whose_outlines_are_known_are_covered() -> None:
    """The upper 2/15 of each of Penn-Fudan's masks is the head: an adult is seven and a half heads tall."""
    covered = []
    for file in sorted((PENN_FUDAN / "PedMasks").iterdir()):
        mask = decode_grey(file.read_bytes())
        canvas = np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), np.uint8)
        for person in range(1, int(mask.max()) + 1):
            rows, columns = np.nonzero(mask == person)
            x, y, w, h = columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1
            head = (mask == person) & (np.arange(mask.shape[0])[:, None] <= y + h / 7.5)
            changed = (blur(canvas, [top_of((x - 0.5, y - 0.5, float(w), float(h)))]) != canvas).any(axis=2)
            covered.append(changed[head].mean())
    assert len(covered) > 100
    assert min(covered) > 0.85
    assert np.mean(covered) > 0.99
