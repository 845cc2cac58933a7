"""The page: complete without scripts, the same every time, and proof against hostile names."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.unit.release.miniature import draw, make_run
from tests.unit.report.made import Made, make_page
from throng.errors import ThrongError
from throng.report import react
from throng.report.figures import cell, size
from throng.report.page import read_metrics

HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7 * 7 }}</title>'


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


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_page(make_run({"open": True, "closed": False}), tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def html(made: Made) -> str:
    return made.html


def test_second_run_in_another_folder_gives_the_same_bytes(made: Made, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # a workflow names its files from where it runs
    again = make_page(make_run({"open": True, "closed": False}), Path("elsewhere"))
    assert again.files() == made.files()
    for path in again.folder.rglob("*.*"):
        assert str(tmp_path.parent).encode() not in path.read_bytes()


def test_page_loads_only_what_lies_beside_it(made: Made) -> None:
    page = Page(made.html)
    loaded = [script["src"] for script in page.all("script") if "src" in script]
    assert loaded == [f"app/{name}" for name in ("early.js", "react.js", "react-dom.js", *sorted_ours(made))]
    assert [script["type"] for script in page.all("script") if "src" not in script] == ["application/json"]
    shown = [attributes["src"] or "" for attributes in page.all("img")]
    assert shown == ["data/plots/evaluate-scatter.png", "data/plots/evaluate-examples.jpg"]
    assert all((made.folder / path).is_file() for path in [*loaded, *shown] if path)
    assert not page.all("link")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "url(" not in made.html
    assert "@import" not in made.html
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == (
        "default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'; script-src 'self' file:"
    )


def sorted_ours(made: Made) -> list[str]:
    """Return our scripts in the order that the page loads them, by the one that has to come last."""
    order = ["data.js", "charts.js", "pictures.js", "sample.js", "explorer.js", "main.js"]
    assert sorted(order) == sorted(
        path.name for path in (made.folder / "app").glob("*.js") if not path.name.startswith(("react", "early"))
    )
    return order


def test_react_comes_with_its_licence_and_nothing_else_of_others(made: Made) -> None:
    licence = (made.folder / "app" / "react.LICENSE.txt").read_text()
    assert licence.startswith("MIT License")
    assert "license" in (made.folder / "app" / "react.js").read_text()[:400]


def test_without_react_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(react, "find_spec", lambda _: None)
    with pytest.raises(ThrongError, match="the page needs React, which comes with the package snakemake"):
        react.react_files()


def test_links_lead_to_sections_and_to_pages_of_other_stages(html: str) -> None:
    page = Page(html)
    ids = {attributes.get("id") for attributes in page.all("section")} | {"main"}
    links = [attributes["href"] or "" for attributes in page.all("a")]
    assert {re.split("[?/]", link[1:])[0] for link in links if link.startswith("#")} <= ids
    assert {link for link in links if not link.startswith("#")} == {
        "../audit_pairs/audit.html",
        "../calibrate_counts/calibration.html",
        "../audit_density/density.html",
        "../audit_leakage/leakage.html",
        "app/react.LICENSE.txt",
    }


def test_numbers_of_the_run_are_on_the_page(html: str) -> None:
    text = Page(html).text
    assert "7 files" in text
    assert "truncated: 1" in text
    assert "30 ranked pairs" in text
    assert "4 images synthesised" in text
    assert "3.00 MAE, throng (best on test) (9 images; mean-count baseline 13.44)" in text
    assert "throng (best on test) 2 3.00" in text
    assert "careful 1 1.00 1.00 to 1.00 1.00" in text
    assert "50.0 % of 90.0 %" in text
    assert "9 images of split test, counted by scheme whole." in text
    assert "careful is better than throng (best on test) by 2.00" in text
    assert "throng (best on test) seed-2 2.00 2.00" in text
    for shown in ("0 to 9", "10 and more", "7.89", "123456", "3.21", "truth inside interval"):
        assert shown in text
    assert "tiny 1.2.3, CC0-1.0: 1 files, 2.5 MB." in text
    assert "Left out of fixed_count: 2 opted out, 1 near copy." in text
    assert "Left out of ranked_pairs" not in text
    assert "data/fixed_count/train.parquet 4 2.5 MB 5a5a5a5a5a5a" in text


def test_rejected_rows_are_a_link_away(html: str) -> None:
    found = [attributes["href"] for attributes in Page(html).all("a") if attributes.get("class") == "reason"]
    assert "#photographs?reason=truncated" in found
    assert "#edits?reason=no%20room" in found


def test_metrics_of_another_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("[]")
    with pytest.raises(ThrongError, match="metrics of schema 2; rerun stage 'evaluate'"):
        read_metrics(tmp_path / "metrics.json")


def test_sources_that_forbid_passing_on_are_named(html: str, tmp_path: Path) -> None:
    warning = "Do not pass this page on."
    assert f"{warning} It shows images, or edits of them, from closed, maker composite, whose" in Page(html).text
    assert warning not in Page(make_page(make_run(), tmp_path / "open").html).text
    run = make_run()
    draw(run, redistributable=False, permission="")
    assert "from sampler crowds, whose" in Page(make_page(run, tmp_path / "drawn").html).text


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    run = make_run()
    for k in range(3):
        run.change("images", k, licence=HOSTILE)
    for k, row in enumerate(run.rows["prompts"]):
        run.rows["prompts"][k] = dataclasses.replace(row, text=HOSTILE, template=HOSTILE)
    run.change("images", 3, reason=HOSTILE.replace(":", ""))
    run.change("density_labels", -1, class_name=HOSTILE)
    made = make_page(run, tmp_path, title=HOSTILE)
    page = Page(made.html)
    assert [(script.get("src") or "")[:4] or script["type"] for script in page.all("script")] == [
        *["app/"] * 9,
        "application/json",
    ]
    assert all((attributes["src"] or "").startswith("data/plots/") for attributes in page.all("img"))
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert HOSTILE in page.text
    assert "49</title>" not in made.html
    assert len(page.all("title")) == 1
    assert HOSTILE in {row["text"] for row in made.rows("synthetic")}


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


def test_generators_and_ladder_are_shown_where_the_run_made_them(html: str, tmp_path: Path) -> None:
    assert not {"generators", "ladder", "drawn"} & {attributes.get("id") for attributes in Page(html).all("section")}
    run = make_run()
    draw(run)
    made = make_page(run, tmp_path, extras=True)
    text = Page(made.html).text
    assert "trained: It heeds the order." in text
    assert re.search(r"random\s+0\.79\s+0\.50\s+–\s+no", text)
    assert "detector is better by 5.75" in text
    assert "mean of the training counts (uses labels) 8.12" in text
    shown = {attributes["src"] for attributes in Page(made.html).all("img")}
    assert {"data/plots/evaluate_gan-crowds-seed-1-sweep.png", "data/plots/ladder-ladder.png"} <= shown
    assert all((made.folder / (path or "")).is_file() for path in shown)
