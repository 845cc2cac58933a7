"""Names and texts of others on pages and in the card: they stay words, and fetch, run and link to nothing."""

import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

import throng
from tests.unit.release.facts import facts_of
from throng.pages.frame import render_page
from throng.release.card import card_text
from throng.release.card_parts.markdown import cell, text

ROOT = Path(throng.__file__).parent
PAGES = sorted(ROOT.glob("*/page.html"))
NASTY = (
    "<script>document.body.dataset.owned = 1; alert(1)</script>",
    "\"><img src='https://example.invalid/x.png' onerror='alert(2)'>",
    "' onmouseover='alert(3)",
    "</script><script>alert(4)</script>",
    "<!--<script>",
    "[link](javascript:alert(5)) ![picture](https://example.invalid/y.png)",
    "a | b\r## Forged\n---\nlicense: mit\u2028# Forged",
    "{{ 7 * 7 }}{% raw %}${alert(6)}",
    "</title></style><base href='https://example.invalid/'>",
    "=HYPERLINK(\"https://example.invalid\")",
)  # fmt: skip
ALL = " ".join(NASTY)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_template_puts_values_only_where_escaping_holds_them(page: Path) -> None:
    source = page.read_text()
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", source)
    bare = re.sub(r"{%.*?%}", "", re.sub(r"{{.*?}}", "@", source))
    for tag in re.findall(r"<[a-z][^>]*>", bare):
        assert "@" not in re.sub(r'"[^"]*"', "", tag), f"{tag} has a value that is not quoted"
    assert not re.search(r"\son\w+\s*=\s*[\"']", source)
    assert not re.findall(r"href=\"{{", source)


def test_the_frame_escapes_whatever_a_page_is_given(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '{% extends "frame.html" %}{% block body %}<p title="{{ said }}">{{ said }}</p>{% endblock %}'
    )
    html = render_page(tmp_path, {"title": ALL, "said": ALL}, filters={})
    assert re.findall(r"<(script|img|base|title|style|p)\b", html) == ["title", "style", "p"]
    assert "default-src 'none'" in html and "script-src" not in html


@pytest.mark.parametrize("nasty", NASTY)
def test_a_text_is_one_line_of_the_card_without_html_picture_or_link(nasty: str) -> None:
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    for written in (text(nasty), f"- {text(nasty)}", f"| a | b |\n| --- | --- |\n| {cell(nasty)} | end |"):
        html = markdown.render(written)
        assert not re.search(r"<(script|img|a|base|h\d|hr|iframe|!--)\b", html), html
    assert len(re.findall("<t[dh]>", markdown.render(f"| a | b |\n| --- | --- |\n| {cell(nasty)} | end |"))) == 4


def test_a_licence_cannot_break_out_of_the_front_matter(tmp_path: Path) -> None:
    nasty = f"mine\n---\nlicense: mit\nversion: 9\n---\n{ALL}"
    facts = facts_of(tmp_path)
    facts = dataclasses.replace(facts, config=facts.config.model_copy(update={"licence": nasty}))
    front = yaml.safe_load(re.split(r"^---$", card_text(facts), flags=re.MULTILINE)[1])
    assert front["license_name"] == nasty and front["license"] == "other" and front["version"] == facts.version


@pytest.mark.slow
def test_a_browser_shows_hostile_names_and_does_nothing_that_they_say(tmp_path: Path) -> None:
    """Chromium looks at every section of the explorer, at the card, and at a page of every template's frame."""
    from tests.unit.release.miniature import make_run
    from tests.unit.report.browser import chromium, opened
    from tests.unit.report.made import make_page

    run = make_run()
    for k in range(3):
        run.change("images", k, licence=ALL, erratum=ALL, scene=f"open/{NASTY[k]}")
    run.change("images", 3, reason=f"unreadable: {ALL}", path=ALL)
    for k, row in enumerate(run.rows["prompts"]):
        run.rows["prompts"][k] = dataclasses.replace(row, text=f"{k} {ALL}", template=ALL, negative=ALL)
    for k in range(len(run.rows["density_labels"])):
        run.change("density_labels", k, class_name=NASTY[k % len(NASTY)])
    made = make_page(run, tmp_path / "run", title=ALL)
    card = MarkdownIt("commonmark", {"html": True}).enable("table").render("\n\n".join(map(text, NASTY)))
    (tmp_path / "run" / "report" / "card.html").write_text(f"<!doctype html><body>{card}</body>")
    dialogs: list[str] = []
    with chromium() as browser:
        for name in ("report.html", "card.html"):
            with opened(browser, made.folder / name) as (page, heard):
                page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
                page.reload()
                for link in page.locator("body > nav a").all():
                    link.click()
                    page.wait_for_timeout(200)
                    for element in page.locator("section.current a.card").all()[:2]:
                        element.hover()
                assert heard.beyond(made.folder) == []
                assert (
                    page.locator(
                        "base, iframe, object, embed, [onerror], [onmouseover], a[href^='javascript:']"
                    ).count()
                    == 0
                )
                assert page.locator("img[src^='http']").count() == 0
                assert page.evaluate("document.body.dataset.owned") is None
                assert page.evaluate("document.baseURI").startswith("file:")
    assert dialogs == []
