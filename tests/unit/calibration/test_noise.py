import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.calibration.planted import error, gathered, plant, shown
from throng.calibration.buckets import PUBLISHED, Bucket, Grid, prior_of, published_error
from throng.calibration.estimation import agreement, estimate
from throng.calibration.gathering import Known
from throng.calibration.noise import Images, Instruments, NoiseModel, Settings, weights
from throng.sections.calibrate_counts import CalibrateCounts

NOTHING = Instruments({})


@pytest.mark.parametrize("noise", [0.2, 0.3, 0.6, 1.0])
def test_planted_counts_are_recovered_better_than_requested_ones(noise):
    worlds = [plant(seed, noise).all() for seed in range(3)]
    ratios = [error(calibrated, true) / error(requested, true) for requested, true, calibrated, _ in worlds]
    assert max(ratios) < {0.2: 0.9, 0.3: 0.85, 0.6: 0.6, 1.0: 0.4}[noise]


def test_what_a_model_draws_too_few_of_is_found_out():
    requested, true, calibrated, _ = plant(0, 0.2, bias=-0.5).all()
    assert error(calibrated, true) < 0.4 * error(requested, true)


def test_two_instruments_are_better_than_the_better_one():
    both = [plant(seed, 0.6, instruments=("detected", "predicted")).all() for seed in range(3)]
    one = [plant(seed, 0.6).all() for seed in range(3)]
    assert np.mean([error(c, t) for _, t, c, _ in both]) < np.mean([error(c, t) for _, t, c, _ in one])


@pytest.mark.parametrize("noise", [0.3, 0.6])
@pytest.mark.parametrize("instruments", [("detected",), ("detected", "predicted")])
def test_two_standard_deviations_hold_about_95_percent(noise, instruments):
    worlds = [plant(seed, noise, instruments=instruments).all() for seed in range(3)]
    inside = np.concatenate([(np.abs(calibrated - true) <= 2 * std)[true > 5] for _, true, calibrated, std in worlds])
    assert 0.9 <= inside.mean() <= 0.98


def test_a_rank_score_of_a_ranker_sharpens_what_is_known():
    without = plant(0, 0.6, instruments=(), references=0).all()
    ranked = plant(0, 0.6, instruments=(), references=0, score_noise=0.2).all()
    assert error(ranked[2], ranked[1]) < 0.8 * error(without[2], without[1])
    random = plant(0, 0.6, score_noise=50.0)
    assert random.model.rho < 0.25
    plain = plant(0, 0.6).all()
    assert error(random.all()[2], random.all()[1]) == pytest.approx(error(plain[2], plain[1]), rel=0.25)


def test_without_anybody_looking_the_count_is_the_requested_one_as_uncertain_as_published():
    images = {
        Bucket("m", r, r, str(r)): Images(np.full(5, np.nan), {}, np.full(5, np.nan)) for r in (0, 1, 10, 40, 1000)
    }
    model = NoiseModel(images, NOTHING, Settings(0.1, 0.5))
    for bucket in images:
        posterior = model.posterior(bucket)
        assert posterior.counts == pytest.approx(bucket.fewest, rel=0.05, abs=0.12)
        if bucket.fewest in PUBLISHED:
            assert posterior.stds.max() > published_error(bucket.fewest) * bucket.fewest
        assert np.ptp(posterior.counts) == 0


@pytest.mark.parametrize("requested", PUBLISHED)
def test_the_prior_has_the_published_error(requested):
    place, spread = prior_of(requested, requested)
    draws = np.rint(np.expm1(place - spread**2 / 2 + spread * np.random.default_rng(0).standard_normal(400_000)))
    assert np.mean(np.abs(draws - requested)) / requested == pytest.approx(PUBLISHED[requested], abs=0.005)


def test_exact_images_are_what_they_are_and_teach_their_bucket():
    bucket = Bucket("m", 20, 20, "20")
    exact = np.array([26.0] * 30 + [np.nan])
    model = NoiseModel({bucket: Images(exact, {}, np.full(31, np.nan))}, NOTHING, Settings(0.1, 0.5))
    posterior = model.posterior(bucket)
    assert posterior.counts[:30].tolist() == [26.0] * 30
    assert posterior.stds[:30].max() == 0
    assert 23 < posterior.counts[30] < 27 and 0 < posterior.stds[30] < 8


def test_a_density_class_lies_in_its_range_until_somebody_looks():
    bucket = Bucket("m", 50, 200, "dense")
    unseen = NoiseModel({bucket: Images(np.full(3, np.nan), {}, np.full(3, np.nan))}, NOTHING, Settings(0.1, 0.5))
    assert 80 < unseen.posterior(bucket).counts[0] < 130
    known = [Known("photograph", n, n, None) for n in range(0, 300, 5)]
    image = shown("a", "dense", fewest=50, most=200, detected=300)
    found = estimate(gathered([image], known=known), np.ones(1, bool), CalibrateCounts(transfer_std=0.0))
    assert 230 < found.counts[0] < 310


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["0", "1", "5", "40", "1000"]),
            st.one_of(st.none(), st.integers(0, 3000)),
            st.one_of(st.none(), st.floats(0, 3000)),
            st.one_of(st.none(), st.integers(0, 1500)),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 600)), max_size=6),
)
def test_whatever_is_seen_every_kept_image_has_a_count_and_a_weight(rows, known):
    images = [
        shown(f"{index:02d}", label, detected=found, predicted=guess, exact=exact)
        for index, (label, found, guess, exact, _) in enumerate(rows)
    ]
    kept = np.array([keep for *_, keep in rows])
    references = [Known("photograph", count, seen, None) for count, seen in known]
    found = estimate(gathered(images, known=references), kept, CalibrateCounts())
    assert np.isfinite(found.counts[kept]).all() and (found.counts[kept] >= 0).all()
    assert np.isfinite(found.stds[kept]).all() and (found.stds[kept] >= 0).all()
    assert ((found.weights >= 0) & (found.weights <= 1)).all()
    assert (found.weights[~kept] == 0).all() and np.isnan(found.counts[~kept]).all()
    for index, image in enumerate(images):
        if kept[index] and image.exact is not None:
            assert (found.counts[index], found.stds[index], found.weights[index]) == (image.exact, 0, 1)


def test_counts_rise_with_the_rank_inside_a_bucket_and_keep_their_sum():
    random = np.random.default_rng(5)
    truth = np.rint(20 * np.exp(0.4 * random.standard_normal(30)))
    images = [
        shown(f"{i:02d}", "20", detected=int(n * 0.8), predicted=float(n * np.exp(0.1 * random.standard_normal())))
        for i, n in enumerate(truth)
    ]
    known = [Known("photograph", n, round(0.8 * n), float(n)) for n in range(0, 60, 3)]
    everything = gathered(images, known=known)
    kept = np.ones(30, bool)
    ranked = estimate(everything, kept, CalibrateCounts(rank_trust=1e9))
    plain = estimate(everything, kept, CalibrateCounts(rank_by=None))
    order = np.argsort([image.predicted for image in images])
    assert (np.diff(ranked.counts[order]) >= -1e-3).all()
    assert ranked.counts.sum() == pytest.approx(plain.counts.sum(), abs=0.1)
    assert error(ranked.counts, truth) < error(np.full(30, 20.0), truth)


def test_weights_follow_the_inverse_variance():
    assert weights([10.0], [0.0], 0.25)[0] == 1
    assert weights([9.0], [2.5], 0.25)[0] == pytest.approx(0.5)  # a quarter of 10
    assert weights([99.0], [50.0], 0.25)[0] == pytest.approx(0.2)


@pytest.mark.parametrize(("requested", "seen", "agrees"), [(9, 4, 0.5), (4, 9, 0.5), (0, 0, 1), (0, 1, 0.5)])
def test_agreement(requested, seen, agrees):
    assert agreement(requested, seen) == agrees
    assert agreement(None, seen) is agreement(requested, None) is None


def test_the_grid_holds_every_small_count_and_reaches_far():
    grid = Grid.up_to(1000)
    assert grid.counts[:65].tolist() == list(range(65))
    assert grid.counts[-1] >= 4000
    assert len(grid.edges) == len(grid.counts) + 1
    assert (np.diff(grid.edges) > 0).all()
