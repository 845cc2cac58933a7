"""Penn-Fudan: people from masks."""

import io
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from throng.errors import ThrongError
from throng.images import ImageStore
from throng.sections.ingest import Ingest
from throng.sources import pennfudan
from throng.sources.ingestion import ingest_one
from throng.sources.listing import list_files
from throng.tables.images import ImageRow

HEIGHT, WIDTH = 40, 30


def png(pixels: np.ndarray) -> bytes:
    ok, data = cv2.imencode(".png", pixels)
    assert ok
    return data.tobytes()


def numbers() -> np.ndarray:
    """A person of 16 x 6 pixels with a head in its left half, numbered 1, and one of 4 x 3 numbered 3."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:12, 5:8] = 1
    mask[12:26, 5:11] = 1
    mask[30:34, 20:23] = 3
    return mask


def palette(mask: np.ndarray) -> bytes:
    picture = Image.fromarray(mask, "L").convert("P")
    picture.putdata(mask.ravel().tolist())
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9] + [0] * 756)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def layout(tmp_path):
    def put(name: str, data: bytes) -> None:
        path = tmp_path / "PennFudanPed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    put("PNGImages/A1.png", png(picture))
    put("PedMasks/A1_mask.png", png(numbers()))
    put("Annotation/A1.txt", b"not needed")
    return tmp_path, put, picture


def ingest(root: Path, **options) -> dict[str, ImageRow]:
    source = Ingest.model_validate(
        {"sources": [{"name": "pf", "root": str(root), "format": "pennfudan", "split": "test"} | options]}
    ).sources[0]
    store = ImageStore({"pf": root})

    def read(path: str) -> bytes:
        return store.read_bytes("pf", path)

    listed = pennfudan.samples(list_files(root, 10**6), read, "test")
    rows = {sample.path: ingest_one(source, sample, read, 10**6) for sample in listed}
    store.close()
    return rows


def test_every_number_of_the_mask_is_a_person_with_box_and_head(layout):
    (row,) = ingest(layout[0]).values()
    assert (row.status, row.split, row.scene, row.count) == ("ok", "test", "pf/A1", 2)
    boxes = [tuple(person["visible"].values()) for person in row.people]
    assert boxes == [(5, 10, 6, 16), (20, 30, 3, 4)]
    assert [person["full"] for person in row.people] == [person["visible"] for person in row.people]
    # the top eighth of 16 rows is 2 rows of columns 5 to 7; of 4 rows it is the first
    assert [(point["x"], point["y"]) for point in row.points] == [(6, 10.5), (21, 30)]
    assert "estimated" in row.erratum


def test_a_palette_and_a_zip_change_nothing(layout, tmp_path_factory):
    root, put, _ = layout
    plain = ingest(root)["PennFudanPed/PNGImages/A1.png"]
    put("PedMasks/A1_mask.png", palette(numbers()))
    packed = tmp_path_factory.mktemp("packed") / "pf.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(root.rglob("*.*")):
            archive.write(path, path.relative_to(root))
    row = ingest(packed)["PennFudanPed/PNGImages/A1.png"]
    assert (row.people, row.points) == (plain.people, plain.points)


def test_an_empty_mask_is_an_empty_image(layout):
    root, put, _ = layout
    put("PedMasks/A1_mask.png", png(np.zeros((HEIGHT, WIDTH), np.uint8)))
    (row,) = ingest(root).values()
    assert (row.status, row.count, row.people) == ("ok", 0, [])


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (b"no image", "bad annotation: the mask is no PNG that can be decoded"),
        (png(numbers())[:90], "bad annotation: the mask is no PNG that can be decoded"),
        (png(numbers()[1:]), "bad annotation: the mask is 30 x 39, the image 30 x 40"),
        (png(np.zeros((HEIGHT, WIDTH, 3), np.uint8)), "bad annotation: the mask has mode RGB, expected 8-bit"),
    ],
)
def test_a_bad_mask_is_a_rejected_row(layout, mask, reason):
    root, put, _ = layout
    put("PedMasks/A1_mask.png", mask)
    (row,) = ingest(root).values()
    assert row.status == "rejected"
    assert row.reason.startswith(reason)


def test_halves_of_a_pair_are_rejected_rows(layout):
    root, put, picture = layout
    put("PNGImages/A2.png", png(picture))
    put("PedMasks/A3_mask.png", png(numbers()))
    rows = {path.rpartition("/")[2]: row.reason for path, row in ingest(root).items() if row.status == "rejected"}
    assert rows == {
        "A2.png": "no annotation: no A2_mask.png in the folder PedMasks",
        "A3_mask.png": "no image: the mask's image is missing",
    }


def test_another_folder_is_one_sentence(tmp_path):
    with pytest.raises(ThrongError, match=r"expected \.\.\./PNGImages/FudanPed00001\.png"):
        ingest(tmp_path)


@pytest.mark.real_data
def test_the_published_images(real_data):
    rows = ingest(real_data / "pennfudan")
    assert len(rows) == 60
    assert {row.status for row in rows.values()} == {"ok"}
    assert sum(row.count for row in rows.values()) == 137
