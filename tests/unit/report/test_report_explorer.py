"""The explorer in a browser, from disk: filters, slides, clicks, keys, themes; nothing fetched, nothing wrong."""

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.release.miniature import draw, make_run
from tests.unit.report.browser import chromium, opened
from tests.unit.report.made import Made, make_page

HOSTILE = '"><img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def browser() -> Generator[Any, None, None]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Made:
    run = make_run({"open": True, "closed": False})
    draw(run)
    run.change("prompts", 2, text=HOSTILE)
    return make_page(run, tmp_path_factory.mktemp("a page"), extras=True, page=4, title=HOSTILE)


def settle(page: Any, condition: str) -> None:
    """Wait until a condition holds; the page's own policy forbids playwright's way of waiting for one."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {condition}")


def tally(page: Any) -> str:
    return re.sub(r"\s+", " ", page.locator("section.current .tally").inner_text())


def test_the_page_is_looked_through_without_a_complaint_or_a_request_outside(browser: Any, made: Made) -> None:
    path = made.folder / "report.html"
    with opened(browser, path) as (page, heard):
        assert page.locator("main > section:visible").count() == 1
        for link in page.locator("body > nav a").all():
            link.click()
            section = page.locator("main > section:visible")
            assert f"#{section.get_attribute('id')}" == link.get_attribute("href")
            assert link.get_attribute("aria-current") == "page"
            settle(page, "!document.querySelector('section.current .waiting, section.current [aria-busy]')")
        _filter(page)
        _slide(page)
        _follow(page)
        _point(page)
        assert heard.complaints == []
        assert heard.beyond(made.folder) == []
        assert page.title() == HOSTILE
        assert page.locator("img[src='x']").count() == 0


def _filter(page: Any) -> None:
    """Choose a kind, then a range by keys, then take both back."""
    page.goto(page.url.partition("#")[0] + "#pairs")
    here = page.locator("section.current")
    here.get_by_label("kind").select_option("real-edited")
    settle(page, "location.hash.includes('kind=real-edited')")
    settle(page, "!document.querySelector('section.current [aria-busy]')")
    kinds = page.locator("section.current a.card .caption span").all_inner_texts()
    assert "real-edited" in kinds
    assert not {"sham-equal", "edited-edited", "nested-crop"} & set(kinds)
    assert tally(page).startswith("12 of 30 ranked pairs")
    least = here.get_by_label("people apart, least")
    least.focus()
    page.keyboard.press("End")
    assert tally(page).startswith("6 of 30 ranked pairs")
    here.get_by_role("button", name="show all").click()
    assert tally(page) == "30 of 30 ranked pairs"
    here.get_by_label("next page").click()
    assert "page 2 of 2" in page.locator("section.current .pager").inner_text()
    here.get_by_label("order", exact=True).select_option("-delta")
    assert "3 more" in page.locator("section.current a.card").first.inner_text()


def _slide(page: Any) -> None:
    """Open a pair, move its divider by mouse and by key, and leave by Escape to where one came from."""
    card = page.locator("section.current a.card").first
    card.focus()
    page.keyboard.press("Enter")
    slider = page.locator("dialog .slider")
    slider.wait_for()
    cut = "document.querySelector('.slider').style.getPropertyValue('--cut')"
    assert page.evaluate(cut) == "50%"
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 5, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    assert page.evaluate(cut) == "20%"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(cut) == "21%"
    clipped = page.evaluate("getComputedStyle(document.querySelector('.slider .after')).clipPath")
    assert clipped == "inset(0px 0px 0px 21%)"
    assert page.locator("dialog .marks rect").count() == 3
    page.get_by_label("outline who went").uncheck()
    assert page.locator("dialog .marks rect").count() == 0
    page.keyboard.press("Escape")
    assert page.locator("dialog").count() == 0
    assert "sort=-delta" in page.url
    assert card.evaluate("card => card === document.activeElement")


def _follow(page: Any) -> None:
    """Open a synthetic image, read what was recorded, and follow it to its photograph and on to that one's edits."""
    page.goto(page.url.partition("#")[0] + "#synthetic")
    page.locator("section.current a.card").first.click()
    dialog = page.locator("dialog")
    dialog.locator(".facts").first.wait_for()
    assert dialog.locator("summary b").all_inner_texts() == [
        "synthetic",
        "prompts",
        "calibrated_counts",
        "density_labels",
    ]
    facts = dialog.locator(".facts").first.inner_text()
    assert "stage synthesize" in facts
    assert "composite" in facts
    assert str(2**63) in dialog.locator(".facts").nth(1).text_content() or "922337203685477" in dialog.text_content()
    dialog.get_by_role("link", name="background").click()
    dialog.get_by_role("link", name="edits of it").click()
    dialog.locator(".strip button").first.wait_for()
    assert page.url.partition("#")[2].startswith("edits/")
    assert "no room: for 3 areas" in dialog.inner_text()
    dialog.locator(".strip button").first.click()
    assert dialog.locator(".strip button").first.get_attribute("aria-pressed") == "true"
    dialog.get_by_label("next sample").click()
    dialog.get_by_label("close").click()
    assert page.locator("dialog").count() == 0


def _point(page: Any) -> None:
    """Step through the scatter by keys, see the dot's image, and open it."""
    page.goto(page.url.partition("#")[0] + "#counts")
    plane = page.locator("section.current .plane")
    plane.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.locator(".tip img").wait_for()
    assert "3 people requested, 3 people there" in page.locator("section.current [role=status]").first.inner_text()
    page.keyboard.press("Enter")
    page.locator("dialog .frame").wait_for()
    page.locator("dialog select").select_option("density")
    page.locator("dialog canvas.density").wait_for()
    assert "its sum is 3 people" in page.locator("dialog").inner_text()
    page.keyboard.press("Escape")


def test_density_maps_hold_as_many_people_as_there_are_points(browser: Any, made: Made) -> None:
    with opened(browser, made.folder / "report.html") as (page, _):
        masses = page.evaluate(
            "[[[5, 5]], [[0, 0], [63, 47], [30.5, 20]], []].map("
            "points => densityMap(points, 64, 48, 64, 48, 3).reduce((sum, value) => sum + value, 0))"
        )
        assert masses == pytest.approx([1, 3, 0], abs=1e-5)
        top = page.evaluate(
            "(() => { const map = densityMap([[40, 10]], 64, 48, 32, 24, 4); return map.indexOf(Math.max(...map)); })()"
        )
        assert top % 32 in (19, 20)
        assert top // 32 in (4, 5)


@pytest.mark.slow
def test_without_scripts_everything_that_is_words_is_there(browser: Any, made: Made) -> None:
    with opened(browser, made.folder / "report.html", java_script_enabled=False) as (page, _):
        assert page.locator("main > section:visible").count() == page.locator("main > section").count()
        assert "Looking through the 30 ranked pairs needs JavaScript" in page.locator("#pairs").inner_text()
        assert "careful is better than" in page.locator("#counting").inner_text()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_they_stand_on(browser: Any, made: Made, scheme: str) -> None:
    with opened(browser, made.folder / "report.html", "#pairs", color_scheme=scheme) as (page, _):
        page.locator("section.current a.card b").first.wait_for()
        assert page.evaluate(CONTRAST) == []


# WCAG 2.2, 1.4.3: 4.5 to 1 between text and what is behind it
CONTRAST = """() => {
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = colour(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("h1, h2, p, a, th, td, legend, span, b, summary, label, output")) {
    if (!element.checkVisibility() || !element.textContent.trim() || element.closest("[aria-hidden]")) continue;
    const [a, b] = [light(colour(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${element.outerHTML.slice(0, 90)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


@pytest.mark.slow
def test_everything_that_is_used_has_a_name(browser: Any, made: Made) -> None:
    with opened(browser, made.folder / "report.html", "#pairs") as (page, _):
        page.locator("section.current a.card img").first.wait_for()
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("section.current :is(a, button, input, select, summary)")]
              .filter((one) => one.checkVisibility())
              .map((one) => [one, one.getAttribute("aria-label") || one.labels?.[0]?.textContent || one.textContent])
              .filter(([, name]) => !name.trim())
              .map(([one]) => one.outerHTML.slice(0, 90))"""
        )
        assert nameless == []
        assert page.locator("img:not([alt])").count() == 0


@pytest.mark.slow
def test_arrow_keys_go_from_card_to_card(browser: Any, made: Made) -> None:
    with opened(browser, made.folder / "report.html", "#pairs") as (page, _):
        cards = page.locator("section.current a.card")
        cards.first.focus()
        page.keyboard.press("ArrowRight")
        assert cards.nth(1).evaluate("card => card === document.activeElement")
        page.keyboard.press("ArrowDown")
        assert cards.evaluate_all("cards => cards.indexOf(document.activeElement)") > 2


@pytest.mark.slow
def test_a_page_without_its_data_says_so(browser: Any, made: Made, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(made.html)
    (tmp_path / "app").symlink_to(made.folder / "app")
    with opened(browser, tmp_path / "report.html", "#pairs") as (page, _):
        page.get_by_role("alert").first.wait_for()
        assert 'the folder "data" must lie beside this page' in page.get_by_role("alert").first.inner_text()


@pytest.mark.slow
def test_an_address_opens_one_sample_filtered_as_it_says(browser: Any, made: Made) -> None:
    first = made.rows("drawn")[0]["id"]
    with opened(browser, made.folder / "report.html", f"#drawn/{first}?label=few") as (page, heard):
        page.locator("dialog .frame").first.wait_for()
        assert page.locator("dialog code").first.inner_text() == first
        page.keyboard.press("Escape")
        assert tally(page).startswith("3 of 5") or tally(page).startswith("2 of 5")
        assert heard.complaints == []
    with opened(browser, made.folder / "report.html", "#drawn/0000") as (page, _):
        page.get_by_role("alert").wait_for()
        assert "No sample 0000 is held here." in page.get_by_role("alert").inner_text()
