import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from throng.config import load
from throng.errors import ThrongError
from throng.prompts import count_figures, count_words, fill, number_words, prompt_rows
from throng.sections.prompt import Prompt

STREET, SQUARE = "a street with {count_words}", "a square with {count_figures} ({count})"


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
    assert fill(SQUARE, 12) == "a square with 12 people (12)"


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{cuont} people", "{cuont}"),
        ("{} people", "{}"),
        ("{count.real}", "{count.real}"),
        ("{count people", "count people"),
    ],
)
def test_an_unknown_placeholder_is_named(template, named):
    with pytest.raises(ValidationError) as caught:
        Prompt(templates=[template])
    assert named in str(caught.value)


def test_the_configuration_names_the_key_of_a_bad_template():
    with pytest.raises(ThrongError, match=r"prompt\.templates.*\{weather\}"):
        load({"prompt": {"templates": [STREET, "{count} people, {weather}"]}})


def test_fill_names_an_unknown_placeholder():
    with pytest.raises(ThrongError, match="'weather' is no placeholder"):
        fill("{count} people, {weather}", 3)


@pytest.mark.parametrize(
    "section",
    [{"templates": ["no number here"]}, {"counts": [3, 3]}, {"templates": [STREET, STREET]}, {"counts": [-1]}],
)
def test_bad_sections_are_refused(section):
    with pytest.raises(ValidationError):
        Prompt(**section)


def test_rows_are_counts_by_templates_by_repeats():
    rows = prompt_rows(0, [0, 5], [STREET, SQUARE], 3, 0.0)
    assert len({row.id for row in rows}) == len({row.seed for row in rows}) == 12
    assert sum(row.count == 0 for row in rows) == 6
    assert {row.split for row in rows} == {"train"}


def test_editing_one_template_leaves_the_other_rows_as_they_were():
    before = {row.id: row for row in prompt_rows(0, [0, 5, 9], [STREET, SQUARE], 2, 0.3)}
    after = {row.id: row for row in prompt_rows(0, [0, 5, 9], [STREET, SQUARE + ", rain"], 2, 0.3)}
    kept = before.keys() & after.keys()
    assert {before[key].template for key in kept} == {STREET}
    assert len(kept) == 6
    assert all(before[key] == after[key] for key in kept)


def test_another_count_or_repeat_adds_rows_only():
    before = {row.id for row in prompt_rows(0, [5], [STREET], 2, 0.0)}
    after = {row.id for row in prompt_rows(0, [0, 5], [STREET], 3, 0.0)}
    assert before < after


def test_another_dataset_seed_makes_other_images():
    assert not {row.id for row in prompt_rows(0, [5], [STREET], 9, 0.0)} & {
        row.id for row in prompt_rows(1, [5], [STREET], 9, 0.0)
    }


def test_the_validation_share_is_about_what_was_asked():
    rows = prompt_rows(0, list(range(200)), [STREET], 5, 0.2)
    assert 0.15 < sum(row.split == "val" for row in rows) / len(rows) < 0.25


@given(st.integers(0, 100_000))
def test_any_count_of_a_configuration_can_be_spelled(count):
    assert count_words(count).endswith("people" if count != 1 else "person")
