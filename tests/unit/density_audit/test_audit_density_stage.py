"""The stage on planted labels: every figure is known, the page stands alone, bad input gets one sentence."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from tests.unit.density_audit.world import SECTION, SMALL, World
from throng.density.crowd import Window
from throng.errors import ThrongError
from throng.sections.audit_density import AuditDensity
from throng.tables.density_labels import GroundDensity


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("told"))
    for count in (1, 4, 15, 40):
        world.synthesise(count)
    world.synthesise(9, known=False)
    world.label()
    return world, *world.audit()


def of(figures: dict, group: str, truth: str) -> dict:
    (record,) = (r for r in figures["truth"] if (r["group"], r["truth"]) == (group, truth))
    return record


def test_the_planted_labellers_tell_and_invert_the_truth(told):
    _, figures, _ = told
    felt = of(figures, "rendered photographs", "felt")
    values = {one["labeller"]: one["value"] for one in felt["labellers"]}
    assert values["kde fixed"] == values["grid-metres fixed"] == pytest.approx(1)
    assert values["euclidean compat"] == pytest.approx(-1) and values["kde compat"] is None
    assert (felt["images"], felt["scenes"]) == (6, 3), "two frames are one scene, whatever the table of images says"
    assert felt["inverted"] == ["euclidean compat"] and {"kde fixed", "grid-metres fixed"} <= set(felt["tells"])
    assert "turned upside down by euclidean compat −1.00" in felt["verdict"]
    reasons = {one["labeller"]: one["reason"] for one in felt["labellers"]}
    assert reasons["kde compat"].startswith("constant") and reasons["ground plane"].startswith("too few images: 0")
    people = of(figures, "rendered photographs", "people")
    assert people["best"] == "threshold fixed" and "kde compat" not in people["inverted"]


def test_beyond_the_count_only_crowding_itself_is_told(told):
    record = of(told[1], "rendered photographs", "felt_at_count")
    found = {one["labeller"]: one for one in record["labellers"]}
    assert found["kde fixed"]["value"] == pytest.approx(1) and found["euclidean compat"]["value"] == pytest.approx(-1)
    assert found["threshold fixed"]["value"] is None and found["threshold fixed"]["reason"].startswith("the same")


def test_of_synthesised_images_the_exact_counts_are_true_and_guesses_are_not(told):
    _, figures, _ = told
    made = [record for record in figures["truth"] if record["group"] == "synthesised images"]
    assert [(record["truth"], record["images"]) for record in made] == [("people", 4)]
    (threshold,) = (one for one in made[0]["labellers"] if one["labeller"] == "threshold fixed")
    assert threshold["value"] == pytest.approx(1)


def test_agreement_and_balance_are_counted(told):
    _, figures, _ = told
    pairs = {(record["first"], record["second"]): record for record in figures["agreement"]}
    assert len(pairs) == 10
    opposed = pairs["kde fixed", "euclidean compat"]
    assert opposed["images"] == 6 and opposed["weighted_kappa"]["value"] < 0 and opposed["spearman"]["value"] == -1
    six = pairs["kde fixed", "grid-metres fixed"]
    assert six["kappa"] is None and six["reason"] == "different numbers of classes: 3 and 6"
    assert six["spearman"]["value"] == pytest.approx(1)
    labellers = {record["labeller"]: record for record in figures["labellers"]}
    assert labellers["threshold fixed"]["balance"] == {"images": [3, 3, 0], "synthetic": [3, 1, 1]}
    assert labellers["kde compat"]["constant"] == "low" and labellers["kde fixed"]["constant"] is None
    assert labellers["kde fixed"]["unsaid"] == {"no positions": 5}
    assert (
        labellers["grid-metres fixed"]["flags"] == {"one-scale": 11}
        and labellers["grid-metres fixed"]["classes"][5] == "F"
    )
    assert figures["rows"] == {"images": {"ok": 6}, "synthetic": {"ok": 5}}
    assert figures["service"]["untold"] == {"images": {"too few people": 6}, "synthetic": {"too few people": 5}}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br", "link", "input", "p"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "p" and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


def test_the_page_stands_alone_and_holds_the_tables(told):
    _, figures, page = told
    tags = Tags()
    tags.feed(page)
    assert not tags.wrong and not tags.open
    assert all(link.startswith(("#", "data:image/")) for link in tags.links)
    assert "<script" not in page and "http" not in re.sub(r"<meta[^>]*>", "", page)
    for record in figures["truth"]:
        assert record["verdict"].replace("'", "&#39;") in page
    assert page.count('<figure class="view">') == 4, "two of each table"
    assert "no positions" in page and "Do not pass this page on" not in page
    assert page.count("linear-gradient") >= 2 and "kappa between labellers" in page


def test_equal_input_gives_equal_bytes(told):
    world, figures, page = told
    assert world.audit() == (figures, page)


def test_without_truth_agreement_is_all_that_is_claimed(told):
    world, told_figures, _ = told
    figures, page = world.audit(AuditDensity(draws=100, pictures=1, picture=64, tables=["images"]), truth=False)
    assert figures["truth"] == [] == figures["ground"]
    assert "Nobody knows the truth of these images" in page and "not which of them is right" in page
    alone = {(record["first"], record["second"]): record["images"] for record in figures["agreement"]}
    assert alone["threshold fixed", "kde fixed"] == 6
    assert told_figures["images"] == {"images": 6, "synthetic": 5} and figures["images"] == {"images": 6}


def test_only_the_labelled_window_is_judged(tmp_path):
    world = World(tmp_path, (6, 30))
    world.label(Window(48, 36, 96, 72))
    figures = world.figures()
    assert 0 < world.labels[1].count < 30
    assert of(figures, "rendered photographs", "people")["images"] == 2


def test_fitted_grounds_are_held_against_the_true_camera(tmp_path):
    world = World(tmp_path, (12, 25, 40))
    world.photographs[1] = dataclasses.replace(world.photographs[1], redistributable=False)
    world.label()
    height = [float(row["camera_height_m"]) for row in world.truth]
    for index, factor in enumerate((1.0, 1.1, 0.8)):
        ground = GroundDensity(
            horizon_px=50, camera_height_m=factor * height[index], camera_height_low_m=0.85 * factor * height[index],
            camera_height_high_m=1.15 * factor * height[index], focal_px=200, people_per_m2=1, people_per_m2_low=0,
            people_per_m2_high=100, people_per_m2_p95=1, area_m2=1, level_of_service="D", hazard="normal walking pace",
        )  # fmt: skip
        world.labels[index] = dataclasses.replace(world.labels[index], ground=ground, ground_reason="")
    figures, page = world.audit(AuditDensity(draws=100, pictures=3, picture=96))
    (record,) = figures["ground"]
    error = record["errors"]["camera height"]
    assert (record["images"], record["determined"]) == (3, 3)
    assert error["median"] == pytest.approx(0.1) and error["ratio"] == pytest.approx(1.0)
    assert (error["covered"]["right"], error["covered"]["number"]) == (2, 3)
    assert record["errors"]["people per square metre"]["covered"]["share"] == 1
    assert figures["service"]["images"] == {"images": [0, 0, 0, 3, 0, 0]}
    assert figures["service"]["hazards"] == {"normal walking pace": 3} and "D, normal walking pace" in page
    assert "Do not pass this page on" in page and "It shows images of ch" in page
    ground = {one["labeller"]: one for one in of(figures, "rendered photographs", "felt")["labellers"]}["ground plane"]
    assert ground["images"] == 3 and ground["reason"].startswith("constant")


def test_tables_that_do_not_fit_get_one_sentence(tmp_path):
    world = World(tmp_path, (3, 6))
    with pytest.raises(ThrongError, match="no image of images or synthetic is labelled, so there is nothing to audit"):
        World(tmp_path / "empty", ()).audit(truth=False)
    world.label()
    with pytest.raises(ThrongError, match="footer does not say which labellers made it; rerun stage 'label_density'"):
        world.audit(section={})
    with pytest.raises(ThrongError, match="other labellers than its footer"):
        world.audit(section=SECTION | {"labellers": SECTION["labellers"][:2]})
    world.truth.pop()
    world.write_truth()
    with pytest.raises(ThrongError, match=r"does not know 1.png of source 'ch'"):
        world.audit()
    world.photographs.pop()
    with pytest.raises(ThrongError, match="is not in table images; rerun stage 'label_density'"):
        world.audit(truth=False)


def test_a_picture_that_is_gone_is_named(tmp_path):
    world = World(tmp_path, (3,))
    world.label()
    (world.rendered / "ch" / "0.png").unlink()
    with pytest.raises(ThrongError, match=r"cannot read '0.png' of source 'ch'"):
        world.audit(SMALL)


def test_a_table_is_named_once():
    with pytest.raises(ValueError, match="names one twice"):
        AuditDensity(tables=["images", "images"])
