import pytest
from pydantic import ValidationError

from throng.gan import recipes
from throng.gan.options import Ramp
from throng.sections.base import output_slice
from throng.sections.train_gan import Gan, TrainGan, chosen_modules

SEED_RECIPE = {
    "resolution": 256,
    "batch": 32,
    "at_once": 8,
    "kimg": 2000,
    "precision": "fp16",
    "device": "cuda",
    "recipe": {
        "kind": "stylegan3-r",
        "cbase": 16384,
        "cmax": 512,
        "layers": 14,
        "z_dim": 512,
        "w_dim": 512,
        "discriminator_cbase": 16384,
        "discriminator_cmax": 512,
        "gamma": 2,
        "augment": {"set": "full"},
    },
}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"recipe": {"kind": "r3gan", "layers": 6}}, r"recipe\.r3gan\.layers"),
        ({"recipe": {"kind": "stylegan3-t", "blocks": 2}}, r"recipe\.stylegan3-t\.blocks"),
        ({"recipe": {"kind": "stylegan2"}}, "stylegan3-t"),
        ({"conditioning": {"kind": "ordinal", "octaves": 3}}, "octaves"),
        ({"recipe": {"kind": "stylegan3-t", "vicinity": {}}}, "only scores have a vicinity"),
        ({"recipe": {"kind": "stylegan3-t", "augment": {"strength": {"kind": "fixed", "p": 0.9}}}}, "0.8"),
        ({"batch": 16, "at_once": 5}, "no whole number of pieces"),
        ({"batch": 16, "processes": 2}, "set at_once to 8 or less"),
        ({"batch": 16, "nodes": 2, "processes": 2}, "set at_once to 4 or less"),
        ({"precision": "fp16"}, "fp16 needs a GPU"),
        ({"resolution": 100}, "no power of two"),
    ],
)
def test_keys_that_do_not_belong_together_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        Gan(**keys)


def test_the_seed_recipe_becomes_its_options():
    gan = Gan.model_validate(SEED_RECIPE)
    options = recipes.options_of(gan, 1)
    assert (options.gamma, options.pieces, options.steps) == (Ramp(2.0), 4, 62_500)
    assert (options.generator_rate.at(0), options.discriminator_rate.at(9)) == (0.0025, 0.002)
    assert options.average_kimg.at(50) == 10
    assert recipes.fade_of(gan) == 200_000
    generator, discriminator = recipes.architectures(gan, recipes.Ordinal(3))
    assert generator["options"]["config"] == "r" and generator["options"]["w_classes"] == 3
    shape = {"resolution": 256, "c_dim": 3, "cbase": 16384, "cmax": 512}
    assert {key: discriminator["options"][key] for key in shape} == shape


def test_gamma_is_in_proportion_to_pixels_and_inverse_to_the_batch():
    assert recipes.options_of(Gan(resolution=256, batch=32), 1).gamma.at(0) == pytest.approx(2)
    assert recipes.options_of(Gan(resolution=128, batch=32), 1).gamma.at(0) == pytest.approx(0.5)
    assert recipes.options_of(Gan(resolution=256, batch=64), 1).gamma.at(0) == pytest.approx(1)


def test_a_start_ends_the_ramp_of_the_average_and_the_blur():
    started = Gan.model_validate({"start": "x.safetensors", "recipe": {"kind": "stylegan3-r"}})
    assert recipes.options_of(started, 1).average_ramp is None and recipes.fade_of(started) == 0
    fresh = Gan.model_validate({"recipe": {"kind": "stylegan3-r"}})
    assert recipes.options_of(fresh, 1).average_ramp == 0.05 and recipes.fade_of(fresh) == 100_000


def test_r3gans_stages_are_the_papers():
    recipe = {"kind": "r3gan", "cbase": 24576, "cmax": 768, "blocks": 2}
    gan = Gan.model_validate({"resolution": 256, "batch": 256, "recipe": recipe, "kimg": 1000})
    generator, _ = recipes.architectures(gan, recipes.Unlabelled())
    assert generator["options"]["widths"] == [768, 768, 768, 768, 384, 192, 96]
    assert generator["options"]["groups"] == [96, 96, 96, 96, 48, 24, 12]
    options = recipes.options_of(gan, 1)
    assert options.gamma == Ramp(2.0, 0.2, 1000) and options.gamma.at(500) == pytest.approx(1.1)
    assert options.penalise_fakes and options.penalty_every == 1


def test_only_what_decides_the_generator_reruns_it():
    one, other = Gan(), Gan(seeds=3, processes=1, cache_gigabytes=9.0, checkpoint_seconds=1.0)
    assert output_slice(one) == output_slice(other)
    assert chosen_modules(Gan(measure_kimg=1.0)) == ("throng.gan.stylegan3", "throng.gan.metrics.random_network")
    assert chosen_modules(Gan.model_validate({"recipe": {"kind": "r3gan"}})) == ("throng.gan.r3gan",)


@pytest.mark.parametrize("starts", [{"a": "trained:a"}, {"a": "trained:b", "b": "trained:c", "c": "trained:b"}])
def test_generators_that_start_from_each_other_are_refused(starts):
    gans = [{"name": name, "start": start} for name, start in starts.items()]
    with pytest.raises(ValidationError, match="starts from"):
        TrainGan.model_validate({"gans": gans})


def test_one_generator_may_start_from_another():
    gans = [{"name": "a", "start": "trained:b"}, {"name": "b", "start": "throng:crowds"}]
    assert len(TrainGan.model_validate({"gans": gans}).gans) == 2
