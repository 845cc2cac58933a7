"""The true background of rendered photographs: the archive's own pixels wherever nobody went."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.contract.test_detectors import image_row
from throng.auditing.background import Rendered
from throng.errors import ThrongError
from throng.images import ImageStore, decode, encode_jpeg
from throng.render.archives import write_archives
from throng.render.scene import make_scene, render_background
from throng.tables.images import ImageRow

SEED = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("rendered")
    write_archives(
        target, seed=SEED, crowdhuman=4, shanghaitech=2, width=160, height=120, min_people=6, max_people=12,
        frames_per_scene=2, empty_share=0.0,
    )  # fmt: skip
    return target


def photographs(folder: Path) -> tuple[dict[str, Path], list[tuple[ImageRow, bytes, dict]]]:
    """Return the sources' roots, and every archived photograph with its file and its truth."""
    roots = {
        "people": folder / "crowdhuman",
        "heads": folder / "shanghaitech.zip",
        "results": folder.parent / "results",
    }
    found, store = [], ImageStore(roots)
    for row in pq.read_table(folder / "truth.parquet").to_pylist():
        source = "people" if row["archive"] == "crowdhuman" else "heads"
        path = row["path"].partition("/")[2]
        data = store.read_bytes(source, path)
        found.append((image_row(120, 160, "p", source=source, path=path), data, row))
    store.close()
    return roots, found


def test_every_archived_photograph_can_be_rendered_again_with_and_without_its_people(folder: Path) -> None:
    roots, found = photographs(folder)
    rendered = Rendered(folder / "truth.parquet", SEED, roots)
    assert {row.source for row, _, _ in found} == {"people", "heads"}
    for row, data, truth in found:
        frame = rendered.frame(row, data)
        assert frame is not None
        assert np.array_equal(frame.behind(np.zeros((120, 160), bool)), decode(data))
        scene = make_scene(SEED, int(truth["scene"][-5:]), 160, 120)
        empty = decode(encode_jpeg(render_background(scene, truth["frame"])))
        assert np.array_equal(frame.behind(np.ones((120, 160), bool)), empty)


def test_what_is_not_rendered_has_no_frame_and_what_has_other_bytes_is_refused(folder: Path) -> None:
    roots, found = photographs(folder)
    row, data, _ = found[0]
    assert Rendered(None, SEED, roots).frame(row, data) is None
    elsewhere = Rendered(folder / "truth.parquet", SEED, {**roots, "people": folder.parent / "photographs"})
    assert elsewhere.frame(row, data) is None
    with pytest.raises(ThrongError, match="another seed"):
        Rendered(folder / "truth.parquet", SEED + 1, roots).frame(row, data)
    with pytest.raises(ThrongError, match="no table of rendered truth"):
        Rendered(folder / "shanghaitech.zip", SEED, roots)
