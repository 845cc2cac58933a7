"""Fitted counters: maps that sum to counts, files, canvases' borders, and fine-tuning."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from throng.encoders.files import save_network
from throng.encoders.pooling import mean_features
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.ranking.choosing import Belief, Scenes, choose_counter
from throng.ranking.finetune import Example, finetune
from throng.ranking.fit import fit_counts, fit_isotonic, fit_poisson
from throng.ranking.fitted import FittedCounter, Head, coverage, feature_maps, load_fitted, pooled_features
from throng.ranking.partition import Partition
from throng.training import LoopOptions

SIZE = (48, 64)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return build_encoder("small", width=4).eval()


def pictures(number, shape=(96, 128)):
    return [np.random.default_rng(i).integers(0, 256, (*shape, 3), dtype=np.uint8) for i in range(number)]


def blobs(number, seed, shape=(48, 64)):
    """White squares on dark noise: people that any network can count."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 30, (*shape, 3), dtype=np.uint8)
    for _ in range(number):
        y, x = rng.integers(1, shape[0] - 4), rng.integers(1, shape[1] - 4)
        image[y : y + 3, x : x + 3] = 250
    return image


def linear(encoder, seed=0):
    return Head(np.random.default_rng(seed).exponential(3.0, encoder.features))


def poisson(encoder):
    rng = np.random.default_rng(1)
    features = rng.exponential(0.2, (60, encoder.features))
    return Head((head := fit_poisson(features, rng.poisson(features.sum(1)))).w, poisson=head)


def isotonic(encoder):
    w = np.random.default_rng(2).exponential(1.0, encoder.features)
    return Head(w, isotonic=fit_isotonic(np.linspace(0, 20, 9), np.linspace(0, 3, 9) ** 2))


HEADS = {"linear": linear, "poisson": poisson, "isotonic": isotonic}
CUTS = [Partition("full", 1), Partition("full", 3), Partition("legacy", 2), Partition("guided", 3, dense_from=0.5)]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("partition", [*CUTS, Partition("quadtree", 2)], ids=lambda p: f"{p.kind}{p.n}")
def test_the_map_sums_to_the_count_at_the_photographs_proportions(encoder, head, partition):
    counter = FittedCounter(encoder, HEADS[head](encoder), partition, SIZE)
    for shape in ((96, 128), (50, 131)):
        (image,) = pictures(1, shape)
        density, stride = counter.map(image), counter.map_stride(image)
        assert density.shape == (-(-shape[0] // stride), -(-shape[1] // stride))
        assert density.sum() == pytest.approx(counter.count(image), rel=1e-5)
        assert (density >= 0).all()


def test_a_picture_that_fills_the_canvas_has_the_means_of_its_features(encoder):
    (image,) = pictures(1)
    maps = feature_maps(encoder, [image], SIZE)
    expected = mean_features(torch.from_numpy(maps))[0].numpy()
    np.testing.assert_allclose(pooled_features(maps[0], image.shape, SIZE, 16), expected, rtol=1e-5)
    head = linear(encoder)
    assert FittedCounter(encoder, head, Partition(), SIZE).count(image) == pytest.approx(expected @ head.w, rel=1e-5)


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([(48, 64), (50, 70), (33, 33)]))
@settings(max_examples=60, deadline=None)
def test_coverage_is_the_pixels_of_the_picture(height, width, size):
    (rows, columns), down, across = coverage((height, width), size, 16)
    scale = min(size[0] / height, size[1] / width)
    area = max(1, round(height * scale)) * max(1, round(width * scale))
    assert rows.sum() * columns.sum() * 256 == pytest.approx(area)
    for edges, shares in ((down, rows), (across, columns)):
        assert (edges[0], edges[-1]) == pytest.approx((0, 1))
        assert len(edges) == np.count_nonzero(shares) + 1


def test_what_the_canvas_shows_beside_a_picture_is_nobodys(encoder):
    head = linear(encoder)
    counter = FittedCounter(encoder, head, Partition(), SIZE)
    tall = pictures(1, (96, 32))[0]
    assert sum(part.seen.features @ head.w for part in counter.parts(tall)) == pytest.approx(counter.count(tall))
    maps = feature_maps(encoder, [tall], SIZE)
    assert counter.count(tall) < float(mean_features(torch.from_numpy(maps))[0].numpy() @ head.w)


@pytest.mark.parametrize("head", HEADS)
def test_a_file_gives_the_same_counter(tmp_path, encoder, head):
    counter = FittedCounter(encoder, HEADS[head](encoder), Partition("guided", 2, dense_from=3.5), SIZE, {"fit": "x"})
    for name in ("one", "two"):
        counter.save(tmp_path / f"{name}.safetensors")
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "two.safetensors").read_bytes()
    loaded = load_fitted(tmp_path / "one.safetensors")
    assert loaded.recipe == {"fit": "x"}
    assert loaded.partition == counter.partition
    (image,) = pictures(1)
    assert loaded.count(image) == counter.count(image)
    assert loaded.interval(image) == counter.interval(image)
    np.testing.assert_array_equal(loaded.map(image), counter.map(image))


def test_only_a_poisson_head_has_intervals_and_they_hold_the_count(encoder):
    (image,) = pictures(1)
    for partition in CUTS:
        counter = FittedCounter(encoder, poisson(encoder), partition, SIZE)
        low, high = counter.interval(image) or (1.0, 0.0)
        assert 0 <= low < counter.count(image) < high
    assert FittedCounter(encoder, linear(encoder), Partition(), SIZE).interval(image) is None


def test_bad_files_sizes_and_images(tmp_path, encoder):
    save_network(tmp_path / "ranker.safetensors", encoder, kind="ranker", recipe={})
    with pytest.raises(ThrongError, match="holds a ranker of pretrain_rank: expected a fitted counter"):
        load_fitted(tmp_path / "ranker.safetensors")
    with pytest.raises(ThrongError, match="no network at"):
        load_fitted(tmp_path / "none.safetensors")
    with pytest.raises(ThrongError, match="size 31 x 64 is too small for encoder small: it needs at least 32"):
        FittedCounter(encoder, linear(encoder), Partition(), (31, 64))
    with pytest.raises(ThrongError, match="a head of 3 weights does not fit"):
        FittedCounter(encoder, Head(np.ones(3)), Partition(), SIZE)
    counter = FittedCounter(encoder, linear(encoder), Partition("full", 4), SIZE)
    for image in (np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)):
        with pytest.raises(ThrongError, match=r"must be \(H, W, 3\) uint8 RGB"):
            counter.count(image)
    with pytest.raises(ThrongError, match="cannot be cut into 4 x 4"):
        counter.count(np.zeros((3, 8, 3), np.uint8))
    if not torch.cuda.is_available():
        with pytest.raises(ThrongError, match="device 'cuda' cannot be used"):
            FittedCounter(encoder, linear(encoder), Partition(), SIZE, device="cuda")
    broken = build_encoder("small", width=4)
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    with pytest.raises(ThrongError, match="features that are not finite"):
        FittedCounter(broken, linear(broken), Partition(), SIZE).count(pictures(1)[0])


def scenes(photographs, synthetic=0):
    made = pictures(synthetic, (48, 64))
    return Scenes(
        [lambda image=image: image for image in pictures(photographs)],
        [lambda image=image: image for image in made],
        [float(i) for i in range(synthetic)],
    )


def test_the_candidate_closest_to_the_prior_is_chosen(encoder):
    counter = FittedCounter(encoder, linear(encoder), Partition(), SIZE)
    candidates = [counter.cut_by(Partition("full", n)) for n in (1, 2, 3)]
    few = counter.count(pictures(1)[0])
    chosen = {}
    for most in (few, 9 * few):
        best, records = choose_counter(candidates, scenes(1, 2), Belief(3 * most, 3, 1.0), by="sinkhorn")
        distances = [record["sinkhorn"] for record in records]
        assert best.partition.n == 1 + int(np.argmin(distances))
        assert [record["n"] for record in records] == [1, 2, 3]
        assert all(record["agreement"]["images"] == 2 for record in records)
        chosen[most] = distances[2] - distances[0]
    assert chosen[9 * few] < chosen[few]


def test_agreement_chooses_by_synthesised_images(encoder):
    counter = FittedCounter(encoder, linear(encoder), Partition(), SIZE)
    shown = scenes(0, 3)
    cut = FittedCounter(encoder, linear(encoder), Partition("full", 2), SIZE)
    told = Scenes([], shown.synthetic, [cut.count(read()) for read in shown.synthetic])
    ways = [counter.cut_by(Partition("full", n)) for n in (1, 2, 3)]
    best, records = choose_counter(ways, told, Belief(50), by="agreement")
    assert best.partition.n == 2
    assert records[1]["agreement"]["mae"] == pytest.approx(0, abs=1e-9)
    assert records[1]["sinkhorn"] is None


def test_what_is_dense_is_a_quantile_of_unlabelled_photographs(encoder):
    counter = FittedCounter(encoder, linear(encoder), Partition(), SIZE)
    guided = [counter.cut_by(Partition("guided", 2))]
    best, (record,) = choose_counter(guided, scenes(4), Belief(50), by="sinkhorn", dense_quantile=0.5)
    assert best.partition.dense_from == record["dense_from"] > 0.5
    assert record["densities"]["dense"] == 8


def test_candidates_without_anything_to_tell_them_apart_are_refused(encoder):
    counter = FittedCounter(encoder, linear(encoder), Partition(), SIZE)
    two = [counter.cut_by(Partition("full", n)) for n in (1, 2)]
    with pytest.raises(ThrongError, match="by sinkhorn without unlabelled training photographs"):
        choose_counter(two, scenes(0, 2), Belief(50), by="sinkhorn")
    with pytest.raises(ThrongError, match="by agreement without held-out synthesised images"):
        choose_counter(two, scenes(2), Belief(50), by="agreement")
    with pytest.raises(ThrongError, match="learns what is dense"):
        choose_counter([counter.cut_by(Partition("guided", 2))], scenes(0, 2), Belief(50), by="sinkhorn")


def test_fine_tuning_counts_better_and_stays_non_negative(tmp_path):
    torch.manual_seed(0)
    encoder = build_encoder("small", width=4)
    examples = [Example(lambda n=n, i=i: blobs(n, i), float(n)) for i, n in enumerate([0, 2, 4, 8, 16, 24] * 3)]
    fitted, held = examples[:12], examples[12:]
    features = np.stack(
        [pooled_features(feature_maps(encoder, [e.read()], SIZE)[0], (48, 64), SIZE, 16) for e in fitted]
    )
    w = 0.5 * fit_counts(features, np.array([e.people for e in fitted]))  # room to learn
    before = FittedCounter(encoder, Head(w), Partition(), SIZE)
    worse = np.mean([abs(before.count(e.read()) - e.people) for e in held])
    options = LoopOptions(steps=40, learning_rate=1e-3, val_every=20, log_every=20, seed=3)
    tuned, progress = finetune(encoder, w, fitted, held, SIZE, options, tmp_path, batch_size=4)
    after = FittedCounter(encoder, Head(tuned), Partition(), SIZE)
    better = np.mean([abs(after.count(e.read()) - e.people) for e in held])
    assert (tuned >= 0).all()
    assert better == pytest.approx(progress.best_score, rel=1e-4)
    assert better < 0.8 * worse
