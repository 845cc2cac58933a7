from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from throng.config import load
from throng.errors import ThrongError
from throng.prompts import count_figures, count_words, number_words, prompt_rows
from throng.sections.prompt import Prompt, Template, size_of

STREET = {"name": "street", "text": "a street with {people}, {viewpoint}, {conditions}"}
SQUARE = {"name": "square", "text": "a square with {count_figures} ({count}), {conditions}", "negative": "cars"}
EMPTY = {"name": "empty", "text": "an empty street, {viewpoint}", "counts": [0]}
DENSE = {"name": "dense", "text": "a crowd, {viewpoint}", "density": "dense", "people": [50, 200]}
LISTS = {
    "counts": [0, 1, 5],
    "viewpoints": ["from above", "at eye level"],
    "conditions": ["in the rain", "at noon"],
    "repeats": 2,
}


def section(*templates, **said):
    return Prompt.model_validate({**LISTS, **said, "templates": list(templates)})


def rows_of(*templates, seed=0, **said):
    rows = list(prompt_rows(seed, section(*templates, **said)))
    assert len({row.id for row in rows}) == len({row.seed for row in rows}) == len(rows)
    return {row.id: row for row in rows}


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "an empty place with no people"),
        (1, "one person"),
        (12, "twelve people"),
        (21, "twenty-one people"),
        (40, "forty people"),
        (200, "two hundred people"),
        (305, "three hundred and five people"),
        (1000, "one thousand people"),
        (1005, "one thousand and five people"),
        (12_345, "twelve thousand three hundred and forty-five people"),
        (100_000, "one hundred thousand people"),
    ],
)
def test_counts_in_words(count, words):
    assert count_words(count) == words


def test_numbers_are_spelled_differently():
    spelled = [number_words(number) for number in range(1, 3000)]
    assert len(set(spelled)) == len(spelled)


@pytest.mark.parametrize("number", [0, -3, 1_000_000])
def test_a_number_out_of_range_is_refused(number):
    with pytest.raises(ThrongError, match=str(number)):
        number_words(number)


def test_figures():
    assert [count_figures(count) for count in (0, 1, 12)] == ["no people", "1 person", "12 people"]


@given(st.integers(0, 100_000))
def test_any_count_of_a_configuration_can_be_spelled(count):
    assert count_words(count).endswith("people" if count != 1 else "person")


def test_rows_are_counts_by_viewpoints_by_conditions_by_wordings_by_repeats():
    rows = rows_of(STREET).values()
    assert len(rows) == 3 * 2 * 2 * 2 * 2
    texts = {row.text for row in rows if row.count == 5 and row.conditions == "at noon"}
    assert texts == {
        f"a street with {people} people, {viewpoint}, at noon"
        for people in ("5", "five")
        for viewpoint in LISTS["viewpoints"]
    }
    assert {row.wording for row in rows} == {"figures", "words"}
    assert all(row.count == row.fewest == row.most and row.density == "" for row in rows)
    assert {row.split for row in rows} == {"train"}


def test_what_a_text_does_not_name_multiplies_nothing():
    rows = rows_of(SQUARE).values()
    assert len(rows) == 3 * 2 * 2
    assert {(row.viewpoint, row.wording) for row in rows} == {("", "figures")}
    assert "a square with 5 people (5), at noon" in {row.text for row in rows}
    assert {row.wording for row in rows_of({"name": "a", "text": "{count_words}"}).values()} == {"words"}


def test_an_empty_place_and_a_density_are_templates_of_their_own():
    rows = rows_of(EMPTY, DENSE).values()
    empty = [row for row in rows if row.template == "empty"]
    dense = [row for row in rows if row.template == "dense"]
    assert len(empty) == len(dense) == 2 * 2
    assert {(row.count, row.fewest, row.most, row.density, row.wording) for row in empty} == {(0, 0, 0, "", "")}
    assert {(row.count, row.fewest, row.most, row.density) for row in dense} == {(None, 50, 200, "dense")}


def test_negative_prompts_are_the_templates_or_the_sections_which_denies_people_where_nobody_is_asked_for():
    deserted = {"name": "deserted", "text": "a deserted street", "density": "none"}
    rows = rows_of(SQUARE, EMPTY, DENSE, deserted, negative="blurred", negative_empty="people").values()
    assert {(row.template, row.negative) for row in rows} == {
        ("square", "cars"), ("empty", "blurred, people"), ("dense", "blurred"), ("deserted", "blurred, people"),
    }  # fmt: skip


def test_images_per_text_by_count_and_by_template():
    rows = list(rows_of(SQUARE, EMPTY | {"repeats": 7}, repeats_of={0: 3, 5: 1}).values())
    per_text = Counter((row.template, row.count, row.text) for row in rows)
    assert {(name, count): times for (name, count, _), times in per_text.items()} == {
        ("square", 0): 3, ("square", 1): 2, ("square", 5): 1, ("empty", 0): 7,
    }  # fmt: skip


def test_templates_may_have_lists_of_their_own():
    own = STREET | {"counts": [3], "viewpoints": ["from a roof"], "wordings": ["words"], "conditions": ["in fog"]}
    rows = rows_of(own).values()
    assert {row.text for row in rows} == {"a street with three people, from a roof, in fog"}
    assert len(rows) == 2


@given(
    st.lists(st.sampled_from([STREET, SQUARE, EMPTY, DENSE]), unique_by=lambda one: one["name"]),
    st.sampled_from([STREET, SQUARE, EMPTY, DENSE]),
    st.sampled_from([{"name": "other"}, {"text": "now {x}"}, {"negative": "fog"}, {"repeats": 3}, {}]),
)
def test_editing_adding_or_removing_a_template_touches_its_own_rows_only(others, one, edit):
    others = [other for other in others if other["name"] != one["name"]]
    if "text" in edit:
        edit = {"text": one["text"] + ", seen now"}
    left = rows_of(*others) if others else {}
    before, after = rows_of(*others, one), rows_of(one | edit, *others)
    assert {key: row for key, row in before.items() if row.template != one["name"]} == left
    assert {key: row for key, row in after.items() if row.template != (one | edit)["name"]} == left
    if edit == {}:
        assert before == after
    elif "repeats" in edit:
        assert before.items() < after.items()
    else:
        assert before.keys() & after.keys() == left.keys()


@given(
    st.sampled_from(
        [
            {"counts": [0, 1, 5, 7]},
            {"viewpoints": [*LISTS["viewpoints"], "from a roof"]},
            {"conditions": ["in snow", *LISTS["conditions"]]},
            {"repeats": 5},
            {"repeats_of": {0: 9}},
        ]
    )
)
def test_a_longer_list_adds_rows_and_leaves_the_others_as_they_were(longer):
    before = rows_of(STREET, SQUARE, EMPTY, val_fraction=0.3)
    after = rows_of(STREET, SQUARE, EMPTY, **{"val_fraction": 0.3, **longer})
    assert before.items() < after.items()


def test_another_dataset_seed_makes_other_images():
    assert not rows_of(STREET).keys() & rows_of(STREET, seed=1).keys()


def test_the_validation_share_is_about_what_was_asked():
    rows = rows_of(SQUARE, counts=list(range(250)), val_fraction=0.2).values()
    assert 0.15 < sum(row.split == "val" for row in rows) / len(rows) < 0.25


def test_the_default_asks_for_a_few_hundred_images_of_every_kind():
    default = Prompt()
    rows = list(prompt_rows(0, default))
    assert 300 < len(rows) == sum(size_of(default, template) for template in default.templates) < 700
    assert {row.count for row in rows} == {None, *default.counts}
    assert {row.density for row in rows} == {"", "none", "sparse", "dense"}


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ({"text": "{cuont} people"}, "unknown placeholder {cuont}; known are {people}"),
        ({"text": "{} people"}, "unknown placeholder {}"),
        ({"text": "{count.real}"}, "unknown placeholder {count.real}"),
        ({"text": "{count:05d}"}, "unknown placeholder {count:05d}"),
        ({"text": "{people}, {weather}"}, "unknown placeholder {weather}"),
        ({"text": "{count people"}, "write {{ and }} for braces"),
        ({"text": "no number here"}, "'a' never says how many people"),
        ({"text": "no number here", "counts": [0, 1]}, "'a' never says how many people"),
        ({"text": " ", "counts": [0]}, "'a' has no text"),
        ({"text": "{people}", "density": "sparse", "people": [1, 5]}, "cannot say {people}"),
        ({"text": "a crowd", "density": "dense"}, "needs people: [fewest, most]"),
        ({"text": "a crowd", "density": "dense", "people": [9, 5]}, "needs people: [fewest, most]"),
        ({"text": "a crowd", "density": "dense", "people": [5, 9], "counts": [3]}, "has no counts"),
        ({"text": "nobody", "density": "none", "people": [0, 3]}, "density none is nobody"),
        ({"text": "{people}", "people": [0, 3]}, "set density, or remove it"),
        ({"text": "{people}", "viewpoints": ["from above"]}, "has viewpoints but its text never names {viewpoint}"),
        ({"text": "{count}", "wordings": ["words"]}, "has wordings but its text never names {people}"),
        ({"text": "{people}", "counts": [1, 1]}, "named twice: [1]"),
        ({"text": "{people}", "counts": [-1]}, "greater than or equal to 0"),
        ({"text": "{people}", "name": "file"}, "cannot be called 'file'"),
        ({"text": "{people}", "name": "Bad Name"}, "match pattern"),
    ],
)
def test_a_bad_template_is_refused_in_one_sentence(template, named):
    with pytest.raises(ValidationError) as caught:
        section({"name": "a", **template})
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"viewpoints": []}, "template 'street' names {viewpoint}, but there are no viewpoints"),
        ({"conditions": []}, "template 'street' names {conditions}, but there are no conditions"),
        ({"counts": [3, 3]}, "named twice: [3]"),
        ({"counts": [-1]}, "greater than or equal to 0"),
        ({"viewpoints": ["a", "a"]}, "named twice"),
        ({"viewpoints": [" "]}, "an empty text"),
        ({"wordings": []}, "at least 1 item"),
        ({"repeats_of": {7: 3}}, "counts that no template asks for: 7"),
        ({"repeats": 10_000, "counts": list(range(100))}, "ask for 8,000,000 images, more than 1,000,000"),
    ],
)
def test_a_bad_section_is_refused_in_one_sentence(said, named):
    with pytest.raises(ValidationError) as caught:
        section(STREET, **said)
    assert named in str(caught.value)


def test_a_template_named_twice_is_refused():
    with pytest.raises(ValidationError, match="templates named twice: street"):
        section(STREET, SQUARE, STREET)


def test_nothing_to_ask_for_is_refused():
    with pytest.raises(ValidationError, match="nothing is asked for"):
        section()
    assert list(prompt_rows(0, section(own="mine.csv"))) == []


def test_the_configuration_names_the_key_of_a_bad_template():
    with pytest.raises(ThrongError, match=r"prompt\.templates\.0.*\{weather\}"):
        load({"prompt": {"templates": [{"name": "a", "text": "{people}, {weather}"}]}})


def test_a_templates_own_keys_are_checked_by_name():
    with pytest.raises(ThrongError, match=r"negativ: unknown key; did you mean 'negative'"):
        load({"prompt": {"templates": [{"name": "a", "text": "{people}", "negativ": "x"}]}})


def test_a_template_reads_as_data():
    assert Template.model_validate({"name": "a", "text": "{people}"}).counts is None
