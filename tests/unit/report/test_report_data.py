"""The data beside the page: every sample, what is said of it, and its images; bounded, exact, the same every time."""

import base64
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.release.miniature import draw, make_run
from tests.unit.report.made import Made, make_page
from throng.errors import ThrongError
from throng.images import ImageStore, decode
from throng.report.collection import LAST_FIRST, MIXED, WRITTEN, Classes, Collection, Numbers, Picture, Sets
from throng.report.curves import curves
from throng.report.views import Pictures
from throng.report.writing import encoded, plain, shown_first, whole_folder, write_collection


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    run = make_run({"open": True, "closed": False})
    draw(run)
    return make_page(run, tmp_path_factory.mktemp("data"), page=4, views=2, gans=[])


def of_uri(uri: str) -> np.ndarray:
    return decode(base64.b64decode(uri.partition(",")[2]))


def column(made: Made, kind: str, name: str) -> list[object]:
    """Return a column of an index, decoded by other means than the page's."""
    found = next(one for one in made.payload(f"{kind}/index")["columns"] if one["name"] == name)
    if "values" in found:
        return np.frombuffer(base64.b64decode(found["values"]), "<f4").tolist()
    if "sets" in found:
        sets = np.frombuffer(base64.b64decode(found["sets"]), "<u4").tolist()
        return [[word for k, word in enumerate(found["words"]) if held >> k & 1] for held in sets]
    codes = np.frombuffer(base64.b64decode(found["codes"]), f"<u{found['bytes']}")
    return [found["words"][code] for code in codes]


def test_every_row_of_every_table_is_there(made: Made) -> None:
    numbers = {kind: len(made.rows(kind)) for kind in ("photographs", "pairs", "edits", "synthetic", "drawn")}
    assert numbers == {"photographs": 7, "pairs": 30, "edits": 6, "synthetic": 4, "drawn": 5}
    for kind, number in numbers.items():
        assert len(made.payload(f"{kind}/index")["ids"].split(" ")) == number
        assert len(list((made.folder / "data" / kind).glob("page-*.js"))) == -(-number // 4)


def test_index_and_rows_agree(made: Made) -> None:
    for kind in ("photographs", "pairs", "edits", "synthetic", "drawn"):
        assert made.payload(f"{kind}/index")["ids"].split(" ") == [row["id"] for row in made.rows(kind)]
    rows = made.rows("pairs")
    assert column(made, "pairs", "kind") == [row["tables"][0][2]["kind"] for row in rows]
    deltas = [np.nan if (delta := row["tables"][0][2]["delta"]) is None else delta for row in rows]
    np.testing.assert_array_equal(column(made, "pairs", "delta"), deltas)


def test_photographs_carry_points_boxes_and_why_one_was_refused(made: Made) -> None:
    rows = {row["tables"][0][2]["path"]: row for row in made.rows("photographs")}
    kept = rows["street/0.jpg"]
    assert kept["points"] == [5.0, 12.0, 15.0, 12.0, 25.0, 12.0, 35.0, 12.0]
    assert kept["boxes"][:4] == [0.0, 8.0, 8.0, 30.0]
    assert [table[0] for table in kept["tables"]] == ["images", "detections", "density_labels"]
    refused = rows["broken.jpg"]
    assert refused["reason"] == "truncated: the end marker is missing"
    assert refused["pictures"] == []
    assert "truncated" in column(made, "photographs", "reason")


def test_a_pair_outlines_who_went_and_shows_both_images(tmp_path: Path) -> None:
    run = make_run()
    run.rows["ranked_pairs"] = [row for row in run.rows["ranked_pairs"] if row.kind == "edited-edited"]
    made = make_page(run, tmp_path)
    first = min(run.rows["ranked_pairs"], key=lambda row: row.id)
    row = next(row for row in made.rows("pairs") if row["id"] == first.id)
    assert row["says"] == f"{first.delta} more"
    assert row["slide"]
    assert len(row["gone"]) == 4 * first.delta
    edits = run.pixels["remove/part-000-of-001.zip"]
    for shown, path in zip(row["pictures"], (first.more_path, first.fewer_path), strict=True):
        data = decode(edits.get(Path(path).name) or run.photographs["open", path])
        assert of_uri(shown["thumbnail"]).shape == data.shape
        assert cv2.PSNR(of_uri(shown["thumbnail"]), data) > 20


def test_a_window_is_shown_alone_and_outlined_in_the_one_around_it(made: Made) -> None:
    run = make_run({"open": True, "closed": False})
    pair = next(row for row in run.rows["ranked_pairs"] if row.kind == "nested-crop")
    row = next(row for row in made.rows("pairs") if row["id"] == pair.id)
    assert row["says"] == "as many or more"
    photograph = decode(run.photographs[pair.more_source, pair.more_path])
    for shown, crop in zip(row["pictures"], (pair.more_crop, pair.fewer_crop), strict=True):
        window = photograph[crop["y"] : crop["y"] + crop["h"], crop["x"] : crop["x"] + crop["w"]]
        assert (shown["w"], shown["h"]) == (crop["w"], crop["h"])
        assert cv2.PSNR(of_uri(shown["thumbnail"]), np.ascontiguousarray(window)) > 20
    outer, inner = pair.more_crop, pair.fewer_crop
    assert row["window"] == [inner["x"] - outer["x"], inner["y"] - outer["y"], inner["w"], inner["h"]]


def test_edits_stand_by_photograph_with_what_was_done_and_what_was_refused(made: Made) -> None:
    row = made.rows("edits")[0]
    steps = [(step["recipe"], step["says"], step["done"]) for step in row["steps"]]
    assert steps == [
        ("chain", "3 detected left", "1 removed"),
        ("chain", "1 detected left", "3 removed"),
        ("sham", "as many people", "1 area painted"),
        ("sham", "rejected", "3 areas painted") if row["steps"][3]["table"][2]["areas"] == 3 else steps[3],
    ]
    assert row["steps"][3]["reason"] == "no room: for 3 areas"
    assert [step["picture"] for step in row["steps"]] == [1, 2, 3, None]
    assert column(made, "edits", "reason")[0] == ["kept", "no room"]
    assert column(made, "edits", "recipes")[0] == ["chain", "sham"]


def test_synthetic_images_say_request_count_points_and_parents(made: Made) -> None:
    run = make_run({"open": True, "closed": False})
    rows = {row["id"]: row for row in made.rows("synthetic")}
    for row in run.rows["synthetic"]:
        shown = rows[row.id]
        assert shown["says"] == f"{row.count} of {row.requested}"
        assert shown["points"] == [value for point in row.points for value in (point["x"], point["y"])]
        assert [link[:2] for link in shown["from"]] == [["photographs", row.background_id]]
    requested = column(made, "synthetic", "requested")
    assert requested == [0.0, 1.0, 3.0, 3.0]


def test_seeds_above_what_a_browser_counts_stay_exact(made: Made) -> None:
    prompts = [table[2] for row in made.rows("synthetic") for table in row["tables"] if table[0] == "prompts"]
    assert {row["seed"] for row in prompts} == {str(2**63 + k) for k in range(4)}


def test_the_samples_shown_first_are_kept_large(made: Made) -> None:
    kept = {path.name for path in (made.folder / "data" / "views").iterdir()}
    named = set()
    for kind in ("photographs", "pairs", "edits", "synthetic", "drawn"):
        viewed = [row for row in made.rows(kind) if any("view" in shown for shown in row["pictures"])]
        assert len(viewed) <= 2
        named |= {shown["view"] for row in viewed for shown in row["pictures"]}
    assert kept == named
    pairs = sorted(row["id"] for row in made.rows("pairs") if "view" in row["pictures"][0])
    assert pairs == sorted(row["id"] for row in made.rows("pairs"))[:2]


def test_fewer_samples_are_drawn_by_hash_and_counted(tmp_path: Path) -> None:
    made = make_page(make_run(), tmp_path, most=2)
    ids = sorted(row.id for row in make_run().rows["synthetic"])
    assert sorted(row["id"] for row in made.rows("synthetic")) == ids[:2]
    assert " 2 of 4 are held here" in made.html


def test_curves_keep_first_and_last_of_every_quantity(made: Made, tmp_path: Path) -> None:
    (found,) = made.payload("curves")
    assert (found["stage"], found["model"], found["run"]) == ("train_counter", "throng", "seed-1")
    assert found["series"] == {"loss": [[10, 20, 30, 40], [1.0, 0.5, 1 / 3, 0.25]], "val_mae": [[40], [3.5]]}
    path = tmp_path / "pretrain_rank" / "syrac" / "seed-1" / "history.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(f'{{"step": {k}, "loss": {k}}}\n' for k in range(1, 10_001)))
    steps, values = curves([path])[0]["series"]["loss"]
    assert len(steps) <= 1501
    assert steps == values
    assert (steps[0], steps[-1]) == (1, 10_000)


def test_predictions_are_means_over_runs(made: Made) -> None:
    counters = {one["counter"]: one for one in made.payload("predictions")["counters"]}
    assert list(counters) == ["careful", "throng (best on test)"]
    twice = counters["throng (best on test)"]
    assert np.frombuffer(base64.b64decode(twice["predicted"]), "<f4").tolist() == [4.5] * 6
    assert np.frombuffer(base64.b64decode(twice["true"]), "<f4").tolist() == [4.0] * 6


def test_an_image_that_cannot_be_shown_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    run = make_run()
    made = make_page(run, tmp_path)
    before = made.files()
    path = tmp_path / "sources" / "open" / "street" / "0.jpg"
    path.write_bytes(b"no image")
    store = ImageStore({"open": tmp_path / "sources" / "open"})
    broken = Picture("open", "street/0.jpg", 64, 48)
    found = Collection("photographs", ["a"], [], lambda places: [{"id": "a", "pictures": [broken]} for _ in places], 1)
    with (
        pytest.raises(ThrongError, match=r"report: 'street/0.jpg' of source 'open' cannot be shown"),
        whole_folder(made.folder / "data") as folder,
        ThreadPoolExecutor(1) as pool,
    ):
        write_collection(folder, found, Pictures(store, folder, thumbnail=64, view=64), pool, page=1, views=0)
    assert made.files() == before


def test_a_photograph_that_no_table_has_is_named(tmp_path: Path) -> None:
    run = make_run()
    written = make_page(run, tmp_path / "whole")
    assert written.html
    run.rows["removals"] = [dataclasses.replace(row, parent_id="0" * 16) for row in run.rows["removals"][:1]]
    with pytest.raises(ThrongError, match="0000000000000000"):
        make_page(run, tmp_path / "broken")


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=3), min_size=1, max_size=40))
def test_words_come_back_from_their_codes(words: list[str]) -> None:
    found = encoded(Classes("c", "c", words))
    codes = np.frombuffer(base64.b64decode(found["codes"]), f"<u{found['bytes']}")
    assert [found["words"][code] for code in codes] == words


def test_numbers_keep_what_nobody_knows_apart() -> None:
    values = np.frombuffer(
        base64.b64decode(encoded(Numbers("n", "n", np.array([1.5, np.nan], np.float32)))["values"]), "<f4"
    )
    np.testing.assert_array_equal(values, [1.5, np.nan])


def test_sets_hold_every_word_of_a_sample() -> None:
    found = encoded(Sets("s", "s", [["b", "a"], [], ["b"]]))
    assert found["words"] == ["a", "b"]
    assert np.frombuffer(base64.b64decode(found["sets"]), "<u4").tolist() == [3, 0, 2]


def test_what_json_or_a_browser_cannot_hold_is_told_apart() -> None:
    assert plain({"a": [float("nan"), 2**53 + 1, 7, "x", None], 1: (0.5,)}) == {
        "a": [None, str(2**53 + 1), 7, "x", None],
        "1": [0.5],
    }


@pytest.mark.parametrize(("order", "places"), [(WRITTEN, {0, 1}), (MIXED, {1, 3}), (LAST_FIRST, {2, 3})])
def test_which_samples_the_page_shows_first(order: str, places: set[int]) -> None:
    found = Collection("any", ["d", "b", "c", "a"], [], lambda places: [{} for _ in places], 4, order)
    assert shown_first(found, 2) == places
    assert shown_first(found, 9) == {0, 1, 2, 3}
