"""Captions, vocabulary, windows and edits: known answers and what must hold of every draw."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throng import prompts
from throng.diffusion_training import captions, edits, vocabulary, windows
from throng.render.scene import make_scene, render_frame, render_without
from throng.sections.pipelines import CROWD, EMPTY, NOBODY
from throng.sections.train_demo_diffusion import MOST_PEOPLE

CLIP_END = 2  # start and end of the text


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return vocabulary.tokenizer(captions.words(), 48, tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture(scope="module")
def frame():
    return render_frame(make_scene(31, 0, 256, 192), 0, 14)


def words_of(text: str) -> list[str]:
    return text.replace(",", " , ").replace("-", " - ").split()


@pytest.mark.parametrize(
    "text", [EMPTY, NOBODY, CROWD, *(prompts.count_words(n) for n in (0, 1, 2, 5, 8, 20, 50, 200))]
)
def test_every_word_that_throng_prompts_with_is_one_token(tokenizer, text):
    assert tokenizer.tokenize(text) == [f"{word}</w>" for word in words_of(text)]


def test_a_count_in_figures_is_one_token_for_each_digit(tokenizer):
    assert tokenizer.tokenize("8 people") == ["8</w>", "people</w>"]
    assert tokenizer.tokenize("50 people") == ["5</w>", "0</w>", "people</w>"]


@given(count=st.integers(0, MOST_PEOPLE), seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_captions_say_the_count_and_fit(tokenizer, count, seed):
    said = captions.caption(count, np.random.default_rng(seed))
    assert any(said.find(wording) >= 0 for wording in [*captions.wordings(count), captions.A_FEW])
    if count:
        assert captions.wordings(count) == [prompts.count_words(count), prompts.count_figures(count)]
    assert len(tokenizer(said).input_ids) <= 48
    assert all(token.endswith("</w>") for token in tokenizer.tokenize(said))


@given(st.text(max_size=12))
@settings(max_examples=60)
def test_any_other_text_is_spelt_and_nothing_is_unknown(tokenizer, text):
    ids = tokenizer(text).input_ids
    assert ids[0] == tokenizer.bos_token_id and ids[-1] == tokenizer.eos_token_id
    assert max(ids) < len(tokenizer)
    assert tokenizer.eos_token_id not in ids[1:-1]


def test_merges_are_the_same_whatever_the_order_of_the_words():
    words = ["people", "person", "place", "plaza"]
    assert vocabulary.learn_merges(words) == vocabulary.learn_merges(words[::-1] + words)
    assert vocabulary.learn_merges(["ab", "abc"]) == [("a", "b"), ("a", "b</w>"), ("ab", "c</w>")]


def test_heads_inside_counts_marked_heads_on_the_window_s_pixels(frame):
    people = frame.people
    whole = windows.Window(0, 0, 256)
    assert (windows.heads_inside(whole, people) == people.counted).all()
    one = int(np.flatnonzero(people.counted)[0])
    x, y = np.rint(people.head_point[one]).astype(int)
    assert windows.heads_inside(windows.Window(y, x, 1), people)[one]
    for top, left in ((y, x + 1), (y, x - 1), (y + 1, x), (y - 1, x)):
        assert not windows.heads_inside(windows.Window(top, left, 1), people)[one]


@given(wanted=st.integers(0, 6), seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_windows_lie_in_the_frame_and_are_resized_to_the_asked_size(frame, wanted, seed):
    window = windows.choose(frame.people, wanted, (192, 256), 64, (16, 30), np.random.default_rng(seed))
    assert 0 <= window.top <= 192 - window.side and 0 <= window.left <= 256 - window.side
    assert windows.cut(frame.image, window, 64).shape == (64, 64, 3)


def test_chosen_windows_mostly_hold_what_was_wanted(frame):
    rng = np.random.default_rng(0)
    found = []
    for wanted in (0, 1, 2, 3) * 5:
        window = windows.choose(frame.people, wanted, (192, 256), 64, (16, 30), rng)
        found.append(windows.heads_inside(window, frame.people).sum() == wanted)
    assert np.mean(found) >= 0.8


def test_every_count_is_wanted_as_often():
    counts = windows.wanted_counts(4, 12, np.random.default_rng(1))
    assert len(counts) == 12
    assert set(np.bincount(counts)) <= {2, 3}


def test_an_edit_s_truth_is_the_scene_without_people_where_it_fills(frame):
    rng = np.random.default_rng(3)
    drawn = [edit for edit in (edits.draw(frame, 128, rng) for _ in range(12)) if edit is not None]
    assert len(drawn) >= 8
    empty = render_without(frame.scene, frame.index, len(frame.people), range(len(frame.people)))
    assert not (empty == frame.image).all()
    changed = 0
    for edit in drawn:
        assert edit.image.shape == edit.target.shape == (128, 128, 3)
        assert set(np.unique(edit.mask)) <= {0, 255} and (edit.mask > 0).any()
        outside = cv2.dilate(edit.mask, np.ones((9, 9))) == 0  # farther than enlarging a crop reaches
        assert np.abs(edit.image.astype(int) - edit.target)[outside].max(initial=0) <= 1
        changed += int((edit.image != edit.target).any())
    assert changed > 0
