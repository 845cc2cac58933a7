"""How often a ranker is right: by hand, and the rule about shams."""

import numpy as np
import pytest
from scipy.stats import beta

from tests.rows import pair_row
from throng.ranking.pair_table import RankedPair
from throng.ranking.rank_accuracy import (
    edited_members,
    effective_number,
    kind_accuracies,
    real_accuracies,
    sham_wins,
    share_of,
)


def pair(name, parent="p", kind="real-edited", tie=False):
    return RankedPair(name, parent, kind, 0, 1, tie, 0.0, 1.0)


def test_accuracy_is_by_kind_and_an_equal_score_is_half_right():
    pairs = [pair("a"), pair("b", "q"), pair("c", kind="edited-edited"), pair("d", kind="sham-equal", tie=True)]
    found = kind_accuracies(pairs, np.array([1.0, -2.0, 0.0, -9.0]))
    assert {kind: (figures["accuracy"], figures["pairs"]) for kind, figures in found.items()} == {
        "real-edited": (0.5, 2),
        "edited-edited": (0.5, 1),
        "all": (0.5, 3),
    }
    assert found["real-edited"]["photographs"] == 2


def test_one_verdict_per_photograph_has_clopper_and_pearsons_interval():
    wins = [(str(number), float(number < 7)) for number in range(10)]
    low, high = share_of(wins)["interval"]
    assert effective_number(wins) == pytest.approx(10, rel=0.2)
    assert low < beta.ppf(0.025, 7, 4) + 0.05
    assert high > beta.ppf(0.975, 8, 3) - 0.05


def test_pairs_of_one_photograph_that_agree_count_as_one():
    alike = [(str(number), float(number < 5)) for number in range(10) for _ in range(20)]
    apart = [(str(number % 10), float((number // 10) % 2)) for number in range(200)]
    assert effective_number(alike) == pytest.approx(10, rel=0.15)
    assert effective_number(apart) == 10 or effective_number(apart) > 100
    sure = share_of([(str(number % 4), 1.0) for number in range(100)])
    assert sure["accuracy"] == 1.0
    assert sure["interval"] == pytest.approx([beta.ppf(0.025, 4, 1), 1.0])
    assert share_of([])["interval"] is None


def tie(name, more, fewer):
    return pair_row(id=name, kind="sham-equal", relation="equal", delta=0, removed=[], more_id=more, fewer_id=fewer)


def test_the_sham_is_the_side_that_is_neither_photograph_nor_edit():
    rows = [
        pair_row(id="o", more_id="p", fewer_id="edit"),
        tie("photograph first", "p", "sham"),
        tie("sham first", "sham", "p"),
        tie("edit", "edit", "sham2"),
        tie("two shams", "sham", "sham2"),
    ]
    pairs = [pair(row.id, kind=row.kind, tie=row.relation == "equal") for row in rows]
    found = sham_wins(pairs, np.array([5.0, -1.0, 1.0, 2.0, 7.0]), {row.id: row for row in rows}, edited_members(rows))
    assert (found["all"]["share"], found["all"]["pairs"]) == (pytest.approx(2 / 3), 3)
    assert (found["against_photograph"]["share"], found["against_photograph"]["pairs"]) == (1.0, 2)
    assert (found["against_edit"]["share"], found["against_edit"]["pairs"]) == (0.0, 1)
    assert "0.5 is right" in found["rule"]


def test_real_photographs_are_ranked_by_the_ratio_of_their_counts():
    found = real_accuracies(np.array([10.0, 9.0, 5.0, 1.0]), np.array([12, 10, 10, 0]))
    assert (found["all"]["accuracy"], found["all"]["pairs"], found["all"]["photographs"]) == (1.0, 5, 4)
    assert [(one["ratio_above"], one["ratio_to"], one["pairs"]) for one in found["bins"]] == [
        (1.0, 1.25, 2),
        (1.25, 1.5, 0),
        (1.5, 2.0, 0),
        (2.0, 4.0, 0),
        (4.0, None, 3),
    ]
    assert found["bins"][1]["accuracy"] is None
    inverted = real_accuracies(-np.array([10.0, 9.0, 5.0, 1.0]), np.array([12, 10, 10, 0]))
    assert inverted["all"]["accuracy"] == 0.0
    assert real_accuracies(np.zeros(0), np.zeros(0))["all"]["accuracy"] is None
