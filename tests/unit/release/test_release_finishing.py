"""What leaves is finished by what the sections privacy and marking say, the same each time."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tests.unit.release.pictures import exif, opened, pillow_image, saved
from throng.errors import ThrongError
from throng.images import ImageStore, decode, encode_png
from throng.release import metadata, xmp
from throng.release.finishing import Finisher
from throng.release.pixels import Pixels
from throng.release.products import Area, Medium, Picture
from throng.sections.release_privacy import Marking, Privacy

PHOTOGRAPH = saved(pillow_image(120, 80), "JPEG", exif=exif(6), comment=b"at home")
MADE = saved(pillow_image(120, 80), "PNG")
HEAD = (Area(20, 30, 16, 16),)


def picture(medium: Medium, backend: str = "", path: str = "a.png", areas: tuple[Area, ...] = ()) -> Picture:
    return Picture("street", path, "", medium, backend, areas)


def test_a_photograph_loses_what_it_tells_and_gains_nothing() -> None:
    made = Finisher(Privacy(), Marking()).finish(PHOTOGRAPH, picture("photograph", path="a.jpg"))
    assert made == metadata.strip(PHOTOGRAPH)
    assert metadata.private_parts(made) == []
    assert xmp.digital_source_type(made) is None


def test_a_photograph_may_keep_what_it_tells() -> None:
    finisher = Finisher(Privacy(strip_metadata=False), Marking())
    assert finisher.finish(PHOTOGRAPH, picture("photograph", path="a.jpg")) == PHOTOGRAPH


@pytest.mark.parametrize(
    ("medium", "backend", "term"),
    [
        ("edit", "opencv", "composite"),
        ("edit", "diffusers-inpaint", "compositeWithTrainedAlgorithmicMedia"),
        ("composite", "composite, lama", "compositeSynthetic"),
        ("rendered", "rendered", "algorithmicMedia"),
        ("synthesised", "diffusers", "trainedAlgorithmicMedia"),
        ("drawn", "r3gan", "trainedAlgorithmicMedia"),
    ],
)
def test_a_made_image_says_how_it_came_to_be(medium: Medium, backend: str, term: str) -> None:
    made = Finisher(Privacy(), Marking()).finish(MADE, picture(medium, backend))
    assert xmp.digital_source_type(made) == term
    assert np.array_equal(decode(made), decode(MADE))


def test_marks_can_be_left_off() -> None:
    assert Finisher(Privacy(), Marking(xmp=False)).finish(MADE, picture("drawn", "r3gan")) == MADE


def test_a_blurred_photograph_is_a_png_that_says_it_was_altered() -> None:
    made = Finisher(Privacy(blur_faces=True), Marking()).finish(PHOTOGRAPH, picture("photograph", "", "a.jpg", HEAD))
    assert opened(made).format == "PNG"
    assert xmp.digital_source_type(made) == "algorithmicallyEnhanced"
    assert metadata.private_parts(made) == []
    assert not np.array_equal(decode(made), decode(PHOTOGRAPH))


def test_both_members_of_a_pair_are_blurred_alike_outside_the_edit() -> None:
    shown = decode(PHOTOGRAPH)
    edit = shown.copy()
    edit[60:, 40:] = 90
    areas = (Area(5, 5, 20, 20), Area(50, 8, 12, 14), Area(10, 80, 20, 24))
    finisher = Finisher(Privacy(blur_faces=True), Marking())
    more = decode(finisher.finish(PHOTOGRAPH, picture("photograph", "", "a.jpg", areas)))
    fewer = decode(finisher.finish(encode_png(edit), picture("edit", "opencv", "e.png", areas)))
    outside = (shown == edit).all(axis=2)
    assert np.array_equal(more[outside], fewer[outside])
    assert (more != shown).any(axis=2)[10:20, 10:20].all()


def test_finishing_twice_gives_the_same_bytes() -> None:
    finisher = Finisher(Privacy(blur_faces=True), Marking())
    shown = picture("photograph", "", "a.jpg", HEAD)
    assert finisher.finish(PHOTOGRAPH, shown) == finisher.finish(PHOTOGRAPH, shown)


def test_a_file_that_cannot_be_finished_is_named() -> None:
    with pytest.raises(ThrongError, match=r"^street/1\.jpg of source 'street': .* is no image"):
        Finisher(Privacy(), Marking()).finish(b"hello", picture("photograph", path="street/1.jpg"))


def test_the_card_says_what_was_done_and_not_who_asked() -> None:
    said = Finisher(Privacy(opt_out="people/asked.txt"), Marking()).card()
    assert said == {"metadata_stripped": True, "faces_blurred": False, "opt_out_list": True, "xmp_marked": True}


class Counting(Finisher):
    """Counts how often it finishes."""

    finished = 0

    def finish(self, data: bytes, picture: Picture) -> bytes:
        self.finished += 1
        return super().finish(data, picture)


def test_a_blurred_picture_is_blurred_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTOGRAPH)
    sha256 = hashlib.sha256(PHOTOGRAPH).hexdigest()
    shown = [Picture("street", "a.jpg", sha256, "photograph", "", (Area(x, 30, 16, 16),)) for x in range(40)]
    finisher = Counting(Privacy(blur_faces=True), Marking())
    pixels = Pixels(ImageStore({"street": tmp_path}), finisher, tmp_path / "scratch")
    first = [pixels.file(picture) for picture in shown]
    assert [pixels.file(picture) for picture in shown] == first
    assert finisher.finished == 40
    plain = Pixels(ImageStore({"street": tmp_path}), finisher)
    assert [plain.file(picture) for picture in shown] == first
    assert len({file.sha256 for file in first}) == 40
