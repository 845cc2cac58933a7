"""What generators drew, in a release: loadable, under the right terms, and never without the rows that explain it."""

import json
from pathlib import Path

import pytest

from tests.unit.release.miniature import draw, make_run
from tests.unit.release.test_release_verify import edit, fault
from throng.errors import ThrongError

DRAWN = "data/requested_density/train-00000-of-00001.parquet"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    run = make_run()
    draw(run)
    return run.write(tmp_path).release()


def test_drawn_images_load_with_their_labels_and_rejected_rows_stay_in_the_table(release: Path, tmp_path: Path) -> None:
    import datasets

    rows = datasets.load_dataset(str(release), "requested_density", split="train", cache_dir=str(tmp_path / "cache"))
    assert rows.features["image"] == datasets.Image()
    assert sorted((row["label_name"], row["label"], row["seed"] - 2**63) for row in rows) == [
        ("few", [0.0], 0),
        ("few", [0.0], 1),
        ("many", [1.0], 0),
        ("many", [1.0], 1),
    ]
    assert {row["image"].size for row in rows} == {(16, 16)}
    table = datasets.load_dataset(str(release), "gan_samples", split="rows", cache_dir=str(tmp_path / "cache"))
    assert [row["reason"] for row in table if row["status"] == "rejected"] == ["flat: grey"]


def test_card_and_index_count_them(release: Path) -> None:
    index = json.loads((release / "index.json").read_text())
    assert (index["format_version"], index["products"]["requested_density"]["pixels"]) == (5, {"train": 4})
    card = (release / "README.md").read_text()
    assert "| sample_gan | 5 images asked for | 5 | 4 | 1 | flat: 1 |" in card
    assert "| crowds | seed-1 | 9e9e9e9e9e9e9e9e | few | CC0-1.0 | yes | 2 |" in card
    assert "what was asked for, not what is there" in card
    assert "The 4 drawn images are for training alone." in card


def test_what_was_learnt_from_closed_photographs_is_released_as_recipes(tmp_path: Path) -> None:
    run = make_run()
    draw(run, redistributable=False, licence="research only")
    folder = run.write(tmp_path).release()
    index = json.loads((folder / "index.json").read_text())
    assert index["products"]["requested_density"] == {"pixels": {}, "recipes": {"train": 4}}
    assert not (folder / "data/requested_density").exists()
    pixels = list(run.pixels["sample_gan/crowds/part-000-of-001.zip"].values())
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(data[-60:] in content for data in pixels for content in files)


def test_a_permission_is_named_in_the_card(tmp_path: Path) -> None:
    run = make_run()
    draw(run, permission="the owner, letter of 1 May", licence="CC-BY-4.0")
    card = (run.write(tmp_path).release() / "README.md").read_text()
    assert "| few | CC-BY-4.0 | yes, by the owner, letter of 1 May | 2 |" in card


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"backend": "biggan"}, "release.backends does not list 'biggan', which made 4 rows of table 'gan_samples'"),
        ({"label": []}, "is none of kind 'class'"),
        ({"learnt_from": ["test", "train"]}, "generator 'crowds' learnt from split 'test'"),
    ],
)
def test_rows_that_may_not_be_released(tmp_path: Path, said: dict[str, object], why: str) -> None:
    run = make_run()
    draw(run)
    for k in range(5):
        run.change("gan_samples", k, **said)
    with pytest.raises(ThrongError) as caught:
        run.write(tmp_path).release()
    assert why in str(caught.value)


def test_a_lost_row_is_noticed(tmp_path: Path) -> None:
    run = make_run()
    draw(run)
    run.rows["gan_samples"].pop()
    with pytest.raises(ThrongError, match="sampler 'crowds' was asked for 5, 4 out"):
        run.write(tmp_path).release()


def test_forged_rows_are_found(release: Path) -> None:
    edit(release, "tables/gan_samples.parquet", lambda rows: rows[0].update(redistributable=False))
    assert "drawn after photographs whose terms forbid passing it on" in fault(release)
    edit(release, "tables/gan_samples.parquet", lambda rows: rows[0].update(status="rejected", reason="flat"))
    assert "or no kept row of gan_samples" in fault(release)


def test_a_label_that_is_no_class_is_found(release: Path) -> None:
    edit(release, DRAWN, lambda rows: rows[0].update(label=[0.5]))
    assert "label 0.5 is no class's number" in fault(release)
