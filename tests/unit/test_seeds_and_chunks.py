"""Seeds per sample and chunk membership: functions of the id alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.chunks import in_chunk, parse_part, part_name, sharing
from throng.errors import ThrongError
from throng.seeds import generator, sample_seed


def test_seed_known_answer():
    assert sample_seed(0, "remove", "00c0ffee") == sample_seed(0, "remove", "00c0ffee")
    assert (
        len(
            {
                sample_seed(0, "remove", "a"),
                sample_seed(1, "remove", "a"),
                sample_seed(0, "detect", "a"),
                sample_seed(0, "remove", "b"),
            }
        )
        == 4
    )
    assert generator(0, "remove", "a").integers(1 << 30) == generator(0, "remove", "a").integers(1 << 30)


def test_seed_parts_do_not_run_into_each_other():
    assert sample_seed(1, "1a", "b") != sample_seed(11, "a", "b")


@given(st.binary(min_size=8, max_size=8).map(bytes.hex), st.integers(1, 50))
def test_every_id_is_in_exactly_one_chunk(row_id, of):
    assert sum(in_chunk(row_id, part_name(index, of)) for index in range(of)) == 1


@pytest.mark.parametrize("name", ["part-3-of-2", "part-000-of-000", "chunk-1", "part--1-of-2"])
def test_bad_chunk_names_are_refused(name):
    with pytest.raises(ThrongError, match="is no chunk"):
        parse_part(name)


def test_names_of_parts_sort_as_their_indices_and_keep_three_digits_below_a_thousand():
    assert [part_name(0, 2), part_name(998, 999)] == ["part-000-of-002", "part-998-of-999"]
    names = [part_name(index, 12_000) for index in range(12_000)]
    assert names == sorted(names)
    assert [parse_part(name) for name in names] == [(index, 12_000) for index in range(12_000)]


@pytest.mark.parametrize(("own", "of"), [(1, 4), (4, 4), (4, 6), (6, 4), (5, 7), (8, 2)])
def test_sharing_names_every_chunk_that_holds_a_row_of_a_part_and_none_that_cannot(own, of):
    for index in range(own):
        held = {number % of for number in range(own * of) if number % own == index}
        assert sharing(part_name(index, own), of) == [part_name(other, of) for other in sorted(held)]
