"""The page: complete, self-contained, the same every time, and proof against hostile names."""

import base64
import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.unit.release.miniature import Run, draw, make_run, picture
from throng.errors import ThrongError
from throng.evaluation.counted import BEST_ON_TEST, Counted
from throng.evaluation.map_scores import MAP_COLUMNS
from throng.evaluation.summary import summarise
from throng.images import ImageStore, decode, encode_jpeg, encode_png
from throng.report.figures import cell, size
from throng.report.page import read_metrics
from throng.report.pictures import Thumbnails
from throng.sections.report import Report
from throng.stage import Files
from throng.stages import report

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7 * 7 }}</title>'
TRUE = np.array([2.0, 4.0, 6.0, 8.0, 10.0, 20.0, 30.0, 40.0, 50.0])
RUNS = {
    "throng": np.stack([TRUE + 4, TRUE - 2]),
    "careful": (TRUE + 1)[None],
}


def metrics() -> dict[str, Any]:
    """What evaluate says of a counter of two runs, chosen on the test split, and of one of a single run."""
    counters = [
        Counted(
            name,
            tuple(f"seed-{number + 1}" for number in range(len(predicted))),
            TRUE,
            predicted,
            predicted - 3,
            predicted + 3,
            0.9,
            {column: np.full(predicted.shape, 0.25) for column in MAP_COLUMNS},
            (BEST_ON_TEST,) if name == "throng" else (),
        )
        for name, predicted in RUNS.items()
    ]
    facts = {name: {"published": False, "parameters": 123456, "gmac_768x1024": 7.89} for name in RUNS}
    run_facts = {(one.name, run): {"validation_mae": 3.21} for one in counters for run in one.runs}
    figures = summarise(counters, facts, run_facts, [10, 12], bins=[0, 10], resamples=100)
    return {**figures, "split": "test", "scheme": "whole"}


def share(group: str, right: int, number: int) -> dict[str, object]:
    return {"group": group, "right": right, "number": number, "share": right / number, "low": 0.5, "high": 1.0}


AUDIT = {
    "order": {"all": share("all", 9, 10), "by_kind": [share("real-edited", 3, 4), share("sham-equal", 6, 6)]},
    "shortcut": [{"backend": "opencv", "verdict": "shortcut: <the> edits give themselves away"}],
}
CALIBRATION = {
    "errors": [
        {
            "maker": "prompted",
            "requested": 20,
            "images": 8,
            "exact": None,
            "detected": {"error": 0.31},
            "predicted": None,
            "calibrated": {"error": 0.4},
            "published": 0.45,
        }
    ],
    "filters": [{"filter": "near-duplicate", "removed": 2}, {"filter": "wrong content", "removed": 0}],
}


AGREEMENT = {
    "truth": [
        {
            "group": "rendered photographs",
            "meaning": meaning,
            "images": 9,
            "labellers": [{"labeller": "kde fixed", "value": value}, {"labeller": "kde compat", "value": None}],
        }
        for meaning, value in (("number of people", 0.875), ("people per square metre", 0.96))
    ]
}


class Page(HTMLParser):
    """Collects a page's tags, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def make_page(run: Run, root: Path, **settings: object) -> str:
    written = run.write(root)
    index = written.release() / "index.json"
    (root / "metrics.json").write_text(json.dumps(metrics()))
    (root / "audit.json").write_text(json.dumps(AUDIT))
    (root / "calibration.json").write_text(json.dumps(CALIBRATION))
    (root / "agreement.json").write_text(json.dumps(AGREEMENT))
    plots = [root / name for name in ("scatter.png", "examples.jpg")]
    for number, (path, encode) in enumerate(zip(plots, (encode_png, encode_jpeg), strict=True)):
        path.write_bytes(encode(picture(5000 + number)))
    section = Report(**settings)
    inputs = Files(
        {name: [str(written.results / path)] for name, path in written.paths.items()}
        | {
            "audit": [str(root / "audit.json")],
            "calibration": [str(root / "calibration.json")],
            "agreement": [str(root / "agreement.json")],
            "metrics": [str(root / "metrics.json")],
            "plots": list(map(str, plots)),
            "index": [str(index)],
        }
    )
    page = root / "report.html"
    report.run(inputs, Files({"page": [str(page)]}), section, written.context("report", section))
    return page.read_text()


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_page(make_run({"open": True, "closed": False}), tmp_path_factory.mktemp("page"))


def test_second_run_in_another_folder_gives_the_same_page(html: str, tmp_path: Path) -> None:
    assert make_page(make_run({"open": True, "closed": False}), tmp_path / "elsewhere") == html
    assert str(tmp_path.parent) not in html


def test_page_asks_nothing_of_the_network_and_runs_nothing(html: str) -> None:
    page = Page(html)
    assert not page.all("script")
    assert not page.all("link")
    assert all((attributes["src"] or "").startswith("data:image/") for attributes in page.all("img"))
    beside = {attributes["href"] for attributes in page.all("a") if not (attributes["href"] or "").startswith("#")}
    assert beside == {
        "../audit_pairs/audit.html",
        "../calibrate_counts/calibration.html",
        "../audit_density/density.html",
    }
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "url(" not in html
    assert "@import" not in html
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert (policy or "").startswith("default-src 'none'")


def test_every_link_of_the_navigation_leads_to_a_section(html: str) -> None:
    page = Page(html)
    ids = {attributes.get("id") for attributes in page.all("section")}
    links = [attributes["href"] or "" for attributes in page.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= ids


def test_numbers_of_the_run_are_on_the_page(html: str) -> None:
    text = Page(html).text
    assert "7 files" in text
    assert "truncated: 1" in text
    assert "8 of 30. What is said of a pair" in text
    assert "4 of 4, by count." in text
    assert "3.00 MAE, throng (best on test) (mean-count baseline 13.44)" in text
    assert "throng (best on test) 2 3.00" in text
    assert "careful 1 1.00 1.00 to 1.00 1.00" in text
    assert "50.0 % of 90.0 %" in text
    assert "9 images of split test, counted by scheme whole." in text
    assert "careful is better than throng (best on test) by 2.00" in text
    assert "throng (best on test) seed-2 2.00 2.00" in text
    for shown in ("0 to 9", "10 and more", "7.89", "123456", "3.21", "truth inside interval"):
        assert shown in text
    assert "fixed_count/train-00000-of-00001.parquet" in text


def test_plots_are_shown_as_what_they_are(html: str) -> None:
    plots = [a for a in Page(html).all("img") if (a.get("alt") or "").startswith("plot: ")]
    assert [(a["src"] or "")[:15] for a in plots] == ["data:image/png;", "data:image/jpeg"]


def test_metrics_of_another_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("[]")
    with pytest.raises(ThrongError, match="metrics of schema 2; rerun stage 'evaluate'"):
        read_metrics(tmp_path / "metrics.json")


def test_sources_that_forbid_passing_on_are_named(html: str, tmp_path: Path) -> None:
    warning = "Do not pass this page on."
    assert f"{warning} It shows photographs, or edits of them, from closed, whose" in Page(html).text
    assert warning not in Page(make_page(make_run(), tmp_path)).text


def test_thumbnails_show_the_images(tmp_path: Path) -> None:
    run = make_run()
    run.rows["ranked_pairs"] = [row for row in run.rows["ranked_pairs"] if row.kind == "edited-edited"]
    page = Page(make_page(run, tmp_path, pairs=1, chains=0, synthetic=0))
    first = min(run.rows["ranked_pairs"], key=lambda row: row.id)
    shown = [a for a in page.all("img") if a.get("alt") in ("first image", "second image")]
    assert len(shown) == 2
    edits = run.pixels["remove/part-000-of-001.zip"]
    for attributes, path in zip(shown, (first.more_path, first.fewer_path), strict=True):
        data = edits.get(Path(path).name) or run.photographs["open", path]
        thumbnail = decode(base64.b64decode((attributes["src"] or "").partition(",")[2]))
        assert thumbnail.shape == decode(data).shape
        assert cv2.PSNR(thumbnail, decode(data)) > 20
    assert len(page.all("rect")) == first.delta


def test_every_kind_of_pair_is_shown_and_said_what_it_is(html: str) -> None:
    text = Page(html).text
    for said in ("1 more real-edited", "2 more edited-edited", "as many sham-equal", "as many or more nested-crop"):
        assert said in text


def test_a_window_is_shown_alone_and_outlined_in_the_one_around_it(tmp_path: Path) -> None:
    run = make_run()
    run.rows["ranked_pairs"] = [row for row in run.rows["ranked_pairs"] if row.kind == "nested-crop"]
    page = Page(make_page(run, tmp_path, pairs=1, chains=0, synthetic=0))
    pair = min(run.rows["ranked_pairs"], key=lambda row: row.id)
    photograph = decode(run.photographs["open", pair.more_path])
    shown = [a for a in page.all("img") if a.get("alt") in ("first image", "second image")]
    for attributes, crop in zip(shown, (pair.more_crop, pair.fewer_crop), strict=True):
        thumbnail = decode(base64.b64decode((attributes["src"] or "").partition(",")[2]))
        window = photograph[crop["y"] : crop["y"] + crop["h"], crop["x"] : crop["x"] + crop["w"]]
        assert thumbnail.shape == window.shape
        assert cv2.PSNR(thumbnail, np.ascontiguousarray(window)) > 20
    (outline,) = page.all("rect")
    assert float(outline["x"] or "nan") == pair.fewer_crop["x"] - pair.more_crop["x"] - 0.5
    assert float(outline["width"] or "nan") == pair.fewer_crop["w"]


def test_edits_stand_in_rows_by_recipe(html: str) -> None:
    text = Page(html).text
    assert "4 detected left photograph 3 detected left 1 removed 1 detected left 3 removed" in text
    assert "4 detected photograph 4 detected 1 area painted" in text
    assert "Rendered again" not in text
    assert "Sham edits" in text


def test_points_are_marked_where_they_are(tmp_path: Path) -> None:
    run = make_run()
    page = Page(make_page(run, tmp_path, pairs=0))
    marked = sorted((float(a["cx"] or "nan"), float(a["cy"] or "nan")) for a in page.all("circle"))
    truth = sorted((point["x"], point["y"]) for row in run.rows["synthetic"] for point in row.points)
    np.testing.assert_allclose(marked, truth, atol=0.05)
    assert {a["viewbox"] for a in page.all("svg") if a.get("class") == "points"} == {"-0.5 -0.5 64 48"}


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    run = make_run()
    hostile_path = 'street/"><img src=x onerror=alert(3)>.jpg'
    for k in range(3):
        path = run.rows["images"][k].path
        run.change("images", k, licence=HOSTILE, path=hostile_path.replace(">.", f">{k}."))
        run.photographs["open", run.rows["images"][k].path] = run.photographs.pop(("open", path))
        for j, pair in enumerate(run.rows["ranked_pairs"]):
            for side in ("more_path", "fewer_path"):
                if getattr(pair, side) == path:
                    run.change("ranked_pairs", j, **{side: run.rows["images"][k].path})
    for k, row in enumerate(run.rows["prompts"]):
        run.rows["prompts"][k] = dataclasses.replace(row, text=HOSTILE, template=HOSTILE)
    run.change("images", 3, reason=HOSTILE.replace(":", ""))
    run.change("density_labels", -1, class_name=HOSTILE)
    html = make_page(run, tmp_path, title=HOSTILE)
    page = Page(html)
    assert not page.all("script")
    assert not [a for a in page.all("img") if not (a["src"] or "").startswith("data:image/")]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert HOSTILE in page.text
    assert "onerror=alert(3)" in page.text
    assert "49</title>" not in html
    assert len(page.all("title")) == 1


def test_pages_without_anything_to_show_are_whole(tmp_path: Path) -> None:
    html = make_page(make_run(), tmp_path, pairs=0, chains=0, synthetic=0)
    assert "0 of 15. What is said of a pair" in Page(html).text


def test_image_that_cannot_be_shown_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no image")
    thumbnails = Thumbnails(ImageStore({"open": tmp_path}), 100)
    with pytest.raises(ThrongError, match=r"report: 'a.jpg' of source 'open' cannot be shown"):
        thumbnails.uri("open", "a.jpg")


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (3 * 10**9, "3.0 GB")]
)
def test_sizes(number: int, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (3, "3"), (1.239, "1.24"), ([1.0, 2.5], "1.00 to 2.50")])
def test_cells(value: object, text: str) -> None:
    assert cell(value) == text


def test_requested_counts_stand_beside_what_is_there(html: str) -> None:
    text = Page(html).text
    assert "prompted 20 8 – 31.0 % – 40.0 % 45.0 %" in text
    assert "Images removed by filters: near-duplicate: 2." in text


def test_the_audit_stands_beside_the_pairs(html: str) -> None:
    text = Page(html).text
    assert "real-edited 4 75.0 % 50.0 % to 100.0 %" in text
    assert "opencv: shortcut: <the> edits give themselves away." in text


def test_labellers_are_held_against_every_truth(html: str) -> None:
    text = Page(html).text
    assert "Rank correlation with the truth: rendered photographs" in text
    assert "people per square metre, 9 images" in text
    assert re.search(r"kde fixed\s+0\.88\s+0\.96\s+kde compat\s+–\s+–", text)
    assert re.search(r"0 of \d+ images tell people per square metre", text)


def test_drawn_images_stand_by_label(html: str, tmp_path: Path) -> None:
    run = make_run()
    draw(run)
    page = make_page(run, tmp_path, drawn=1)
    section = page.partition('<section id="drawn">')[2].partition("</section>")[0]
    assert "crowds: crowds seed-1, 4 images" in section
    assert [section.count(text) for text in ("<b>few</b> 2", "<b>many</b> 2", "<img ")] == [1, 1, 2]
    assert 'id="drawn"' not in html
