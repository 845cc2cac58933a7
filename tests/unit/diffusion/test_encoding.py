"""Encoding texts one by one: the same answers, each computed once."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.utils.generic import ModelOutput

from throng.diffusion import encoding
from throng.diffusion.encoding import one_by_one


@dataclass
class Answer(ModelOutput):
    last: Any = None
    hidden: Any = None
    nothing: Any = None


class Encoder:
    """Says of every row its sum, as tensors inside everything that encoders wrap them in."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, tokens: Any, attention_mask: Any = None, deep: bool = False) -> Any:
        self.rows.append(len(tokens))
        kept = tokens if attention_mask is None else tokens * attention_mask
        total = kept.sum(dim=1, keepdim=True)
        return Answer(last=total, hidden=(total, 2 * total) if deep else None)


@given(
    rows=st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=6),
    masked=st.booleans(),
    remember=st.booleans(),
)
def test_rows_are_answered_as_they_would_be_together_and_known_ones_from_memory(rows, masked, remember):
    encoder, tokens = Encoder(), torch.tensor(rows)
    mask = (tokens > 1).long() if masked else None
    encode = one_by_one(encoder, remember=remember)
    for _ in range(2):
        answer, expected = encode(tokens, attention_mask=mask, deep=True), Encoder()(tokens, mask, True)
        assert isinstance(answer, Answer)
        assert torch.equal(answer.last, expected.last)
        assert all(map(torch.equal, answer.hidden, expected.hidden))
        assert answer.nothing is None
    assert set(encoder.rows) == {1}
    assert len(encoder.rows) == (len(set(map(tuple, rows))) if remember else 2 * len(rows))


def test_other_arguments_have_other_answers():
    encoder = Encoder()
    encode, tokens = one_by_one(encoder, remember=True), torch.tensor([[1, 2]])
    assert encode(tokens).hidden is None
    assert encode(tokens, deep=True).hidden is not None
    assert len(encoder.rows) == 2


def test_memory_is_bounded_and_forgets_what_was_not_asked_for_longest(monkeypatch):
    monkeypatch.setattr(encoding, "MEMORY_BYTES", 2 * 8)
    encoder = Encoder()
    encode = one_by_one(encoder, remember=True)
    for value in (1, 2, 1, 3, 1, 2):
        encode(torch.tensor([[value]]))
    assert len(encoder.rows) == 4  # 1, 2, 3, and 2 again


def test_an_answer_of_another_kind_is_an_error():
    with pytest.raises(TypeError, match="answers with a int"):
        one_by_one(lambda _tokens: 5, remember=False)(torch.tensor([[1], [2]]))
