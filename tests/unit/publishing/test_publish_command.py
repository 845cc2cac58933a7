"""``throng publish`` says what it would do, and does it when told to."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.publishing.parcels import contents, make
from throng.cli import app
from throng.errors import ThrongError
from throng.publishing.folders import FolderTarget
from throng.publishing.hub import HubTarget
from throng.publishing.publish import target_of
from throng.publishing.stores import StoreTarget


def test_nothing_is_done_unless_told(tmp_path: Path) -> None:
    release, target = make(tmp_path / "release"), tmp_path / "target"
    said = CliRunner().invoke(app, ["publish", str(release), str(target)])
    assert said.exit_code == 0
    assert "small 0.1.0" in said.output
    assert "8 files" in said.output
    assert "8 to send" in said.output
    assert "send    data/0.parquet" in said.output
    assert "nothing was done; repeat with --yes" in said.output
    assert list(tmp_path.iterdir()) == [release]


def test_yes_publishes_and_says_where(tmp_path: Path) -> None:
    release, target = make(tmp_path / "release"), tmp_path / "target"
    said = CliRunner().invoke(app, ["publish", str(release), str(target), "--yes"])
    assert said.exit_code == 0
    assert f"published and verified: 8 files at {target}" in said.output
    assert contents(target) == contents(release)
    said = CliRunner().invoke(app, ["publish", str(release), str(target)])
    assert "this release is there already" in said.output


def test_long_plans_are_shortened(tmp_path: Path) -> None:
    release = make(tmp_path / "release", **{f"data__{k}": b"x" for k in range(20)})
    said = CliRunner().invoke(app, ["publish", str(release), str(tmp_path / "target")])
    assert "and 13 more" in said.output


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("somewhere/else", FolderTarget),
        ("file:///somewhere/else", FolderTarget),
        ("memory://somewhere", StoreTarget),
        ("hf://datasets/owner/name@next", HubTarget),
    ],
)
def test_address_chooses_the_kind_of_place(address: str, kind: type) -> None:
    assert type(target_of(address)) is kind


def test_option_that_would_be_ignored_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ThrongError, match="leave --private out"):
        target_of(str(tmp_path), private=True)
    with pytest.raises(ThrongError, match="a release is a dataset"):
        target_of("hf://owner/name")
