import numpy as np
import pytest
import torch

from throng.counting.crops import Crops
from throng.counting.inputs import InputSpec
from throng.counting.options import CounterOptions
from throng.counting.samples import Pair, Sample, SampleCache, Window, mean_of
from throng.errors import ThrongError

STILL = {"mirror": False, "jitter": 0.0}


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(1, 255, (height, width, 3), np.uint8)


def crops(samples, shares=None, pairs=(), scale=1.0, **options):
    chosen = CounterOptions(**{"crop": (24, 32), "batch_size": 4, "sigma": 2.0} | options)
    return Crops(SampleCache(samples, InputSpec(image_scale=scale), 1.0, chosen.sigma), chosen, shares, pairs)


def same(one, other):
    assert torch.equal(one.images, other.images)
    for a, b in zip((*one.points, *one.sigmas), (*other.points, *other.sigmas), strict=True):
        assert torch.equal(a, b) if a is not None else b is None
    for name in ("counts", "stds", "weights", "pairs", "margins"):
        a, b = getattr(one, name), getattr(other, name)
        assert torch.equal(a.nan_to_num(-1), b.nan_to_num(-1)) if a is not None else b is None


MIXED = [
    Sample(noise(40, 50, 1), np.random.default_rng(1).uniform(0, 40, (12, 2))),
    Sample(noise(20, 60, 2), None, 30.0, 4.0, 0.5),
    Sample(noise(48, 64, 3), None),
    Sample(noise(48, 64, 4), None),
]
EVERYTHING = {"scale_jitter": 0.5, "jitter": 0.3, "gamma": 0.4, "grey": 0.3, "sigma": "adaptive"}


def test_a_batch_is_a_function_of_its_number_whatever_was_asked_before():
    shares, pairs = [1.5, 1.0, 0.0, 0.0], [Pair(2, 3, 2.0), Pair(3, 2, equal=True, share=0.5)]
    one, other = (crops(MIXED, shares, pairs, **EVERYTHING) for _ in range(2))
    expected = [one(number) for number in range(6)]
    for number in (5, 2, 0, 3, 3):
        same(other(number), expected[number])


def test_plain_crops_are_what_they_were_before_anything_else_could_be_chosen():
    """The order of random draws is part of every trained counter: permutation, top, left, mirror."""
    samples = [MIXED[0], Sample(noise(60, 33, 5), np.random.default_rng(2).uniform(0, 30, (9, 2)))]
    batch = crops(samples, seed=3)(4)
    orders = [np.random.default_rng([3, 0, epoch]).permutation(2) for epoch in range(10)]
    rng = np.random.default_rng([3, 1, 4])
    for number, index in enumerate(np.concatenate(orders)[16:20]):
        image, points = samples[index].image, samples[index].points
        top = rng.integers(0, image.shape[0] - 24 + 1)
        left = rng.integers(0, image.shape[1] - 32 + 1)
        points = points - (left, top)
        points = points[((points >= -0.5) & (points < (31.5, 23.5))).all(1)]
        window = image[top : top + 24, left : left + 32]
        if rng.random() < 0.5:
            window, points = window[:, ::-1], np.column_stack([31 - points[:, 0], points[:, 1]])
        np.testing.assert_array_equal(batch.images[number].permute(1, 2, 0), window)
        np.testing.assert_allclose(batch.points[number], points, rtol=0, atol=1e-12)
    assert batch.counts.isnan().all()
    assert batch.pairs is None


def test_a_changed_size_changes_adaptive_widths_and_no_fixed_ones():
    square = Sample(noise(60, 60), np.array([[26.0, 26.0], [34.0, 26.0], [26.0, 34.0], [34.0, 34.0]]))
    own = SampleCache([square], InputSpec(), 1.0, "adaptive")[0].sigmas[0]
    fixed = crops([square], scale_jitter=1.0, batch_size=32)(0)
    assert all((sigmas == 2).all() for sigmas in fixed.sigmas)
    adaptive = crops([square], scale_jitter=1.0, sigma="adaptive", batch_size=64)(0)
    factors = []
    for points, sigmas in zip(adaptive.points, adaptive.sigmas, strict=True):
        assert len(points) == len(sigmas)
        if len(points) == 4:
            width, height = np.ptp(points.numpy(), axis=0)
            factors.append(np.sqrt(width * height) / 8)
            np.testing.assert_allclose(sigmas, own * factors[-1])
    assert 0.5 <= min(factors) < 0.7
    assert 1.4 < max(factors) <= 2.05


@pytest.mark.parametrize("image_scale", [1.0, 0.5])
def test_a_picture_of_known_count_is_shown_whole(image_scale):
    picture = Sample(noise(60, 100), None, 80.0, 9.0, 0.25)
    batch = crops([picture], batch_size=16, scale=image_scale, **STILL)(0)
    assert batch.points == [None] * 16
    assert (batch.counts == 80).all()
    assert (batch.stds == 9).all()
    assert (batch.weights == 0.25).all()
    # 100x60 fits 32x24 as 32x19
    for image in batch.images.numpy():
        plain_rows = (image == image[:, :, :1]).all((0, 2))
        assert (~plain_rows).sum() == 19
        picture_rows = image[:, ~plain_rows]
        assert not (picture_rows == picture_rows[:, :1]).all((0, 1)).any()
        assert np.abs(image[:, plain_rows].mean((1, 2)) - picture.image.mean((0, 1))).max() < 2


def test_a_ranked_pair_differs_by_its_people_alone():
    more = noise(48, 64, 7)
    fewer = more.copy()
    fewer[10:20, 30:40] = 0
    same_but = crops([Sample(more, None), Sample(fewer, None)], [0, 0], [Pair(0, 1, 3.0)], batch_size=8, **EVERYTHING)(
        2
    )
    assert same_but.pairs.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert same_but.margins.tolist() == [3.0] * 4
    assert same_but.counts.isnan().all()
    for first, second in zip(same_but.images[::2], same_but.images[1::2], strict=True):
        changed = (first != second).any(0)
        assert 0.005 < changed.float().mean() < 0.05
        rows, columns = torch.nonzero(changed).T
        assert changed.sum() >= 0.8 * (int(rows.max() - rows.min()) + 1) * (int(columns.max() - columns.min()) + 1)


def test_equal_pairs_are_ranked_both_ways():
    samples = [Sample(noise(24, 32, 8), None)] * 2
    batch = crops(samples, [0, 0], [Pair(0, 1, equal=True)], batch_size=2)(0)
    assert batch.pairs.tolist() == [[0, 1], [1, 0]]
    assert batch.pairs.dtype == torch.int64
    assert batch.margins.tolist() == [0, 0]


def test_nested_windows_keep_their_scale():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[38:62, 38:62] = 255
    outer, inner = Window(0, 0, 96, 96), Window(30, 30, 40, 40)
    batch = crops([Sample(picture, None)], [0], [Pair(0, 0, 0.0, False, outer, inner)], batch_size=2, **STILL)(0)
    # 24 pixels of white at 24 / 96, on a ground as dark as the outer window's mean
    ground = float(picture[:96, :96].mean())
    for image in batch.images.float().mean(1):
        white = (image - ground).clamp(min=0) / (255 - ground)
        assert float(white.sum()) == pytest.approx(36, abs=5)


@pytest.mark.parametrize("workers", [1, 3])
def test_means_are_of_what_an_epoch_shows(workers):
    cache = SampleCache(MIXED, InputSpec(), 1.0, 2.0)
    mean = mean_of(cache, (24, 32), [2.0, 1.0, 1.0, 0.0], workers=workers)
    assert mean.people == 2 * 12 + 30
    assert mean.count == pytest.approx(54 / 3)
    assert mean.density == pytest.approx(54 / (2 * 40 * 50 + 24 * 32))
    assert mean_of(cache, (24, 32), [0.25, 0.0, 5.0, 0.0]).count == 12
    assert mean_of(cache, (24, 32), [0.0, 0.0, 1.0, 0.0]).people == 0


def test_a_damaged_picture_is_found_before_training():
    cache = SampleCache([*MIXED, Sample(b"no picture", None)], InputSpec(), 1.0, 2.0)
    with pytest.raises(ThrongError, match="no image that can be decoded"):
        mean_of(cache, (24, 32))


@pytest.mark.parametrize(
    ("sample", "sentence"),
    [
        (Sample(noise(8, 8), np.zeros((1, 2)), 3.0), "sample 0 has head points and a count"),
        (Sample(noise(8, 8), None, -1.0), "the count of sample 0"),
        (Sample(noise(8, 8), None, 1.0, float("nan")), "the std of sample 0"),
        (Sample(noise(8, 8), None, 1.0, None, float("inf")), "the weight of sample 0"),
    ],
)
def test_samples_that_contradict_themselves_are_refused(sample, sentence):
    with pytest.raises(ThrongError, match=sentence):
        crops([sample])(0)


def test_a_window_outside_its_picture_is_refused():
    pair = Pair(0, 0, 0.0, False, Window(0, 0, 9, 8), Window(0, 0, 4, 4))
    with pytest.raises(ThrongError, match=r"Window\(left=0, top=0, width=9, height=8\) of sample 0 is not inside"):
        crops([Sample(noise(8, 8), None)], [0], [pair])(0)


@pytest.mark.slow
def test_counts_alone_and_orders_alone_teach_to_count(tmp_path):
    """Pictures of uncertain count set the scale, ranked pairs the order; no head point is shown in training."""
    from tests.unit.counting.test_train import scenes
    from throng.counting.inference import predict_count
    from throng.counting.train import train_counter
    from throng.evaluation.metrics import count_metrics, mean_predictor

    rng = np.random.default_rng(11)
    known, ranked, val, test = scenes(40, seed=21), scenes(40, seed=22), scenes(10, seed=23), scenes(30, seed=24)
    counted = [Sample(s.image, None, max(0.0, len(s.points) + rng.normal(0, 3)), 3.0) for s in known]
    order = np.argsort([len(s.points) for s in ranked])
    pairs = [
        Pair(40 + int(more), 40 + int(fewer), float(len(ranked[more].points) - len(ranked[fewer].points)))
        for more, fewer in zip(order[20:], order[:20], strict=True)
    ]
    options = CounterOptions(
        model="mcnn",
        crop=(48, 64),
        batch_size=8,
        steps=150,
        val_every=50,
        losses={"count_likelihood": 0.1, "ranking": 0.1},
        learning_rate=2e-3,
    )
    model, recipe, _ = train_counter(
        [*counted, *(Sample(s.image, None) for s in ranked)],
        val,
        options,
        tmp_path,
        shares=[1.0] * 40 + [0.0] * 40,
        pairs=pairs,
    )
    true = [len(s.points) for s in test]
    predicted = [predict_count(model, s.image)[0] for s in test]
    baseline = mean_predictor([len(s.points) for s in known], true)
    assert count_metrics(predicted, true)["mae"] < 0.5 * baseline["mae"]
    assert recipe["mean_training_count"] == pytest.approx(np.mean([len(s.points) for s in known]), abs=2)


def test_a_range_of_scales_that_only_shrinks_keeps_every_head_of_a_photograph_that_fits():
    points = np.random.default_rng(5).uniform(0, 40, (9, 2))
    batch = crops([Sample(noise(48, 64, 5), points)], scale_range=(0.5, 0.5), **STILL)(0)
    for mine in batch.points:
        assert mine.numpy() == pytest.approx((points + 0.5) / 2 - 0.5)


def test_a_range_that_is_symmetric_draws_as_jitter_does():
    ranged = crops(MIXED, [1.0, 0.0, 0.0, 0.0], scale_range=(1 / 1.5, 1.5), **STILL)(2)
    same(ranged, crops(MIXED, [1.0, 0.0, 0.0, 0.0], scale_jitter=0.5, **STILL)(2))
