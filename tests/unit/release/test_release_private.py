"""A release of photographs that tell where they were taken: nothing of it leaves, and made images say so."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.unit.release import miniature
from tests.unit.release.miniature import draw, make_run, picture
from tests.unit.release.pictures import exif, opened, saved
from throng.images import decode
from throng.release import metadata, xmp
from throng.release.faces import blur
from throng.release.heads import heads_of
from throng.release.products import PRODUCTS
from throng.sections.release_privacy import Privacy

pytestmark = pytest.mark.slow
BACKENDS = ["annotations", "lama", "composite", "stylegan3"]


def with_exif(image: np.ndarray, _quality: int = 95) -> bytes:
    return saved(Image.fromarray(image), "JPEG", exif=exif(), comment=b"at home")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> miniature.Run:
    """A run whose photographs carry EXIF, edited by a trained model."""
    monkeypatch.setattr(miniature, "encode_jpeg", with_exif)
    made = make_run()
    for k in range(len(made.rows["removals"])):
        made.change("removals", k, backend="lama")
    draw(made)
    return made


def images_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield where it was found, and the bytes, of every image in Parquet and tar shards."""
    for path in sorted((folder / "data").rglob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                for column in PRODUCTS[path.parent.name].images:
                    yield f"{path.parent.name} {row['id']} {column}", row[column]["bytes"]
    for path in sorted((folder / "webdataset").rglob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                content = tar.extractfile(member)
                if content and not member.name.endswith(".json"):
                    yield f"{path.name} {member.name}", content.read()


def test_nothing_private_leaves_and_every_made_image_says_how_it_was_made(run: miniature.Run, tmp_path: Path) -> None:
    folder = run.write(tmp_path).release(backends=BACKENDS)
    found = list(images_of(folder))
    assert len(found) > 50
    photographs = {hashlib.sha256(metadata.strip(data)).hexdigest() for data in run.photographs.values()}
    terms = set()
    for where, data in found:
        assert metadata.private_parts(data) == [], where
        assert not opened(data).getexif(), where
        assert b"Ann Onymous" not in data, where
        term = xmp.digital_source_type(data)
        assert (term is None) == (hashlib.sha256(data).hexdigest() in photographs), where
        terms.add(term)
    assert terms == {None, "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic", "trainedAlgorithmicMedia"}
    assert _saved_again(folder, tmp_path) == {"compositeSynthetic"}


def _saved_again(folder: Path, scratch: Path) -> set[str | None]:
    """Return what composites say of themselves after ``datasets`` has loaded and saved them."""
    import datasets

    loaded = datasets.load_dataset(str(folder), "fixed_count", split="train", cache_dir=str(scratch / "cache"))
    loaded.to_parquet(scratch / "again.parquet")
    rows = pq.read_table(scratch / "again.parquet", columns=["image"]).to_pylist()
    return {xmp.digital_source_type(row["image"]["bytes"]) for row in rows}


def test_every_known_head_is_blurred_in_photographs_edits_and_composites(run: miniature.Run, tmp_path: Path) -> None:
    folder = run.write(tmp_path).release(backends=BACKENDS, privacy=Privacy(blur_faces=True))
    image = next(row for row in run.rows["images"] if row.status == "ok")
    areas = heads_of(None, image.points, image.height)
    shown = decode(run.photographs[image.source, image.path])
    wanted = blur(shown, areas)
    assert not np.array_equal(wanted, shown)
    pairs = pq.read_table(folder / "data" / "ranked_pairs").to_pylist()
    own = [row["image_more"] for row in pairs if row["more_id"] == image.id]
    assert own
    for member in own:
        assert member["path"].endswith(".png")
        assert np.array_equal(decode(member["bytes"]), wanted)
        assert xmp.digital_source_type(member["bytes"]) == "algorithmicallyEnhanced"
    edit = next(row for row in run.rows["removals"] if row.parent_id == image.id and row.status == "ok")
    edited = decode(run.pixels["remove/part-000-of-001.zip"][f"{edit.id}.png"])
    members = [row["image_fewer"] for row in pairs if row["fewer_id"] == edit.id]
    assert members
    assert all(np.array_equal(decode(member["bytes"]), blur(edited, areas)) for member in members)
    composites = pq.read_table(folder / "data" / "fixed_count").to_pylist()
    assert {row["image"]["path"].rpartition(".")[2] for row in composites if row["count"]} == {"png"}
    drawn = pq.read_table(folder / "data" / "requested_density").to_pylist()
    plain = [decode(data) for name, data in sorted(run.pixels[f"{miniature.DRAWN}.zip"].items())]
    assert all(any(np.array_equal(decode(row["image"]["bytes"]), data) for data in plain) for row in drawn), (
        "nobody's face is in what a generator draws"
    )


def test_what_somebody_asked_to_leave_out_is_nowhere(run: miniature.Run, tmp_path: Path) -> None:
    image = run.rows["images"][0]
    listed = tmp_path / "asked.txt"
    listed.write_text(f"{image.source}/{image.path}  # asked by letter\n")
    written = run.write(tmp_path / "run")
    folder = written.release(files={"opt_out": listed}, backends=BACKENDS, privacy=Privacy(opt_out=listed.name))
    for path in sorted(folder.rglob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            assert image.id not in str({name: value for name, value in row.items() if not isinstance(value, bytes)})
    for _, data in images_of(folder):
        assert not np.array_equal(decode(data), picture(0)), "its pixels are somewhere"
    Image.open(io.BytesIO(data)).verify()
