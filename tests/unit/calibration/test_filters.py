import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.calibration.planted import gathered, shown
from throng.calibration.duplicates import first_alike
from throng.calibration.features import unit
from throng.calibration.filters import FILTERS, figures, sift
from throng.calibration.gathering import Known
from throng.calibration.prototypes import distances, prototype
from throng.sections.calibrate_counts import CalibrateCounts, Content, Duplicates, Prototypes

OFF = CalibrateCounts(content=None, prototypes=None, duplicates=None)


def only(**chosen):
    return OFF.model_copy(update=chosen)


@pytest.mark.parametrize(
    ("label", "said", "reason"),
    [
        ("5", {"detected": 0}, "nobody is seen where 5 people were requested"),
        ("5", {"detected": 1}, ""),
        ("2", {"detected": 0}, ""),
        ("0", {"detected": 2}, "2 people are seen where nobody was requested"),
        ("0", {"detected": 1}, ""),
        ("5", {"detected": None, "predicted": 0.4}, "nobody is seen"),
        ("5", {"detected": None}, ""),
        ("5", {"detected": 0, "exact": 5}, ""),
        ("dense", {"detected": 0, "fewest": 50, "most": 100}, "nobody is seen where dense people"),
    ],
)
def test_wrong_content(label, said, reason):
    sifted = sift(gathered([shown("a", label, **said)]), only(content=Content(nobody_from=3, at_zero=1)))
    assert sifted.reasons[0].startswith(f"wrong content: {reason}" if reason else "")
    assert bool(sifted.reasons[0]) == bool(reason)


def test_filters_that_are_off_remove_nothing_and_say_so():
    everything = gathered([shown("a", detected=0), shown("b", detected=0)], fingerprints=[1, 1])
    sifted = sift(everything, OFF)
    assert sifted.kept.all()
    assert {record["filter"] for record in figures(everything, sifted, OFF) if not record["on"]} == set(FILTERS[3:])


def looks(random, middle, number, spread):
    return unit(np.asarray(middle) + spread * random.standard_normal((number, len(middle))))


def test_images_unlike_their_bucket_are_dropped_exact_ones_never():
    random = np.random.default_rng(0)
    vectors = np.concatenate([looks(random, [1, 0, 0, 0], 40, 0.02), looks(random, [0, 1, 0, 0], 3, 0.02)])
    images = [shown(f"{index:02d}", exact=5 if index == 42 else None) for index in range(43)]
    sifted = sift(gathered(images, vectors), only(prototypes=Prototypes(quantile=0.95, least=10)))
    assert {index for index, reason in enumerate(sifted.reasons) if reason} == {40, 41}
    assert all(reason.startswith("unlike its bucket: distance") for reason in sifted.reasons[40:42])
    assert sifted.distances[40:].min() > 0.9
    assert sifted.distances[:40].max() < 0.1


def test_images_are_compared_with_images_of_known_count():
    random = np.random.default_rng(1)
    vectors = looks(random, [1, 0, 0], 20, 0.05)
    near, far = looks(random, [1, 0, 0], 30, 0.001), looks(random, [0, 1, 0], 30, 0.001)
    known = [Known("photograph", 5, 5, None)] * 30 + [Known("photograph", 500, 5, None)] * 30
    everything = gathered(
        [shown(f"{i:02d}") for i in range(20)], vectors, known=known, known_vectors=np.concatenate([near, far])
    )
    strict = sift(everything, only(prototypes=Prototypes(threshold="reference", quantile=0.99, least=30)))
    assert strict.kept.sum() < 10  # the 30 with five people lie near, those with 500 do not count
    lenient = sift(everything, only(prototypes=Prototypes(threshold="reference", quantile=0.99, least=31)))
    assert lenient.kept.all()


def test_a_prototype_is_not_moved_by_a_minority():
    random = np.random.default_rng(2)
    good, bad = looks(random, [1, 0, 0], 60, 0.01), looks(random, [0, 0, 1], 30, 0.01)
    middle = prototype(np.concatenate([good, bad]))
    assert middle @ [1, 0, 0] > 0.99
    mean = unit(np.concatenate([good, bad]).mean(axis=0))
    assert mean @ [1, 0, 0] < 0.95
    assert np.linalg.norm(middle) == pytest.approx(1)
    assert distances(bad, middle).min() > 0.8
    assert prototype(good[:1]) == pytest.approx(good[0])


def test_near_duplicates_go_the_first_by_id_stays():
    prints = [0b0000, 0b0111, 0b111111, 0b0001]
    images = [shown(name) for name in "abcd"]
    sifted = sift(gathered(images, fingerprints=prints), only(duplicates=Duplicates(bits=3, distance=0.01)))
    assert sifted.duplicate_of == ["", "a", "", "a"]  # c repeats b alone, which is not kept
    assert sifted.reasons[1] == "near-duplicate: of a"
    assert sifted.kept.tolist() == [True, False, True, False]


def test_two_scenes_of_different_exact_counts_are_no_duplicates():
    images = [shown("a", exact=5), shown("b", exact=6), shown("c", exact=5), shown("d")]
    sifted = sift(gathered(images, fingerprints=[7] * 4), only(duplicates=Duplicates()))
    assert sifted.duplicate_of == ["", "", "a", "a"]


def test_images_with_different_features_are_no_duplicates():
    vectors = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    sifted = sift(gathered([shown(n) for n in "abc"], vectors, [7] * 3), only(duplicates=Duplicates()))
    assert sifted.duplicate_of == ["", "", "a"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 16), st.lists(st.integers(0, 2**64 - 1), max_size=8), st.data())
def test_bands_find_what_comparing_all_with_all_finds(bits, seeds, data):
    prints = [
        data.draw(st.sampled_from(seeds)) ^ sum(1 << b for b in data.draw(st.sets(st.integers(0, 63), max_size=18)))
        for _ in range(20 if seeds else 0)
    ]
    vectors, counts = np.ones((len(prints), 1), np.float32), np.full(len(prints), -1)
    kept, expected = [], []
    for one in prints:
        alike = [index for index in kept if (prints[index] ^ one).bit_count() <= bits]
        expected.append(alike[0] if alike else -1)
        if not alike:
            kept.append(len(expected) - 1)
    assert first_alike(np.array(prints, np.uint64), vectors, counts, bits, 0.0).tolist() == expected


def test_every_image_is_counted_once_by_filter_and_bucket():
    images = [
        shown("a", "5", made=False, looked=False, reason="flagged: refused"),
        shown("b", "5", made=False, looked=False, reason="place full: no room"),
        shown("c", "5", looked=False, detected=None, reason="cap: 3000 people"),
        shown("d", "5", looked=False, detected=None, exact=5, reason="unreadable: broken"),
        shown("e", "5", detected=0),
        shown("f", "20", detected=20),
        shown("g", "20", detected=20),
    ]
    everything = gathered(images, fingerprints=[1, 2, 3, 4, 5, 1 << 60, 1 << 60])
    config = CalibrateCounts()
    sifted = sift(everything, config)
    assert sifted.filters == ["unsafe content", "not made", "not looked at", "", "wrong content", "", "near-duplicate"]
    records = {record["filter"]: record for record in figures(everything, sifted, config)}
    assert [records[name]["removed"] for name in FILTERS] == [1, 1, 1, 1, 0, 1]
    assert sum(record["removed"] for record in records.values()) + sifted.kept.sum() == len(images)
    assert records["wrong content"]["by_bucket"] == [{"maker": "m", "bucket": "5", "images": 5, "removed": 1}]
    assert records["near-duplicate"]["by_maker"] == [{"maker": "m", "images": 7, "removed": 1}]
    assert [image.reason for image in images][:3] == sifted.reasons[:3]


def test_the_order_of_filters_keeps_the_good_one_of_two_alike():
    images = [shown("a", detected=0), shown("b")]
    assert sift(gathered(images, fingerprints=[3, 3]), CalibrateCounts()).kept.tolist() == [False, True]
    assert dataclasses.replace(images[0], detected=5).seen == 5
