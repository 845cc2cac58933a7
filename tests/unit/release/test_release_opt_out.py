"""Who is on the opt-out list is found, however the image is named there, and nobody else is."""

import logging
from pathlib import Path

import pyarrow as pa
import pytest

from throng.errors import ThrongError
from throng.release.opt_out import REASON, opted_out

IMAGES = pa.table(
    {
        "id": ["a" * 16, "b" * 16, "c" * 16, ""],
        "source": ["street", "street", "square", "square"],
        "path": ["far away/1.jpg", "2.jpg", "2.jpg", "unreadable.jpg"],
        "sha256": ["a" * 64, "b" * 64, "c" * 64, ""],
    }
)
EDITS = pa.table({"id": ["e" * 16, "rejected"], "sha256": ["f" * 64, ""]})


def listed(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "opt_out.txt"
    path.write_text(text, encoding="utf-8")
    return opted_out(path, IMAGES, [EDITS])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("a" * 16, "a"),
        ("B" * 64, "b"),
        ("street/far away/1.jpg", "a"),
        ("  square/2.jpg  # asked by letter", "c"),
        ("\ufeffsquare/2.jpg", "c"),
        ("e" * 16, "e"),
        ("f" * 64, "e"),
    ],
)
def test_an_image_is_found_by_id_by_hash_and_by_place(tmp_path: Path, line: str, found: str) -> None:
    assert listed(tmp_path, line + "\r\n") == {found * 16: REASON}


def test_comments_and_empty_lines_name_nobody(tmp_path: Path) -> None:
    assert listed(tmp_path, "# " + "a" * 16 + "\n\n   \n") == {}


def test_a_hash_sign_inside_a_name_begins_no_comment(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        listed(tmp_path, "street/a#1.jpg\n")
    assert "street/a#1.jpg" in caplog.text


def test_entries_of_no_image_are_reported_and_change_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert listed(tmp_path, f"{'d' * 16}\nstreet/9.jpg\n{'a' * 16}\n") == {"a" * 16: REASON}
    assert f"2 images that this run does not have: {'d' * 16}, street/9.jpg" in caplog.text


@pytest.mark.parametrize("line", ["Ann Onymous", "a" * 15, "/etc/passwd", "street/", "a" * 32])
def test_a_line_that_names_no_image_is_shown_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(ThrongError, match=r"opt_out\.txt, line 2: .* names no image; expected an id of 16 hex digits"):
        listed(tmp_path, f"# who asked\n{line}\n")


def test_a_list_that_cannot_be_read_gives_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ThrongError, match="cannot read the opt-out list"):
        opted_out(tmp_path / "missing.txt", IMAGES)
    (tmp_path / "latin.txt").write_bytes("stra\xdfe/1.jpg".encode("latin-1"))
    with pytest.raises(ThrongError, match="expected a text file in UTF-8"):
        opted_out(tmp_path / "latin.txt", IMAGES)
