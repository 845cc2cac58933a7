"""Filling masks by real pipeline classes with small random weights."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests import pipelines
from throng.diffusion.loading import SCHEDULERS
from throng.errors import ThrongError
from throng.removers import diffusers_inpaint
from throng.removers.protocol import Remover, Request
from throng.sections.pipelines import Inpainting


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pipelines")


@pytest.fixture(scope="module")
def inpaint(folder) -> Path:
    return pipelines.build(folder, "inpaint")


def load(model: Path, **settings: Any) -> Remover:
    quick = {"steps": 2, "prompt": "an empty place", "negative_prompt": "people", "batch": 2}
    return diffusers_inpaint.make(Inpainting(model=str(model), **quick | settings), model)


def photograph(number: int, *, people: int = 1) -> Request:
    random = np.random.default_rng(number)
    image = random.integers(0, 256, (70, 110, 3), np.uint8)
    mask = np.zeros((70, 110), bool)
    for left in (10, 90)[:people]:
        top = random.integers(0, 60)
        mask[top : top + 14, left : left + 9] = True
    return Request("chain", image, mask, seed=number + 2**63)


def images(edited: Any) -> list[np.ndarray]:
    assert all(isinstance(image, np.ndarray) for image in edited), edited
    return list(edited)


@pytest.mark.parametrize("kind", pipelines.FILLING)
def test_every_family_fills_masks_alike_alone_together_and_in_any_order(folder, kind):
    remover = load(pipelines.build(folder, kind), size=64, steps=1)
    requests = [photograph(0), photograph(1, people=2)]
    together = images(remover.edit(requests))
    backwards = images(remover.edit(requests[::-1]))[::-1]
    alone = [images(remover.edit([request]))[0] for request in requests]
    for request, one, other, third in zip(requests, together, backwards, alone, strict=True):
        assert request.mask is not None
        assert np.array_equal(one, other)
        assert np.array_equal(one, third)
        assert np.array_equal(one[~request.mask], request.image[~request.mask])
        assert not np.array_equal(one[request.mask], request.image[request.mask])


def test_the_size_of_a_forward_pass_changes_no_more_than_rounding(inpaint):
    requests = [photograph(number, people=2) for number in range(3)]
    one, four = (images(load(inpaint, batch=batch).edit(requests)) for batch in (1, 4))
    apart = np.stack([np.abs(a.astype(int) - b.astype(int)) for a, b in zip(one, four, strict=True)])
    assert apart.max() <= 1
    assert (apart > 0).mean() < 1e-3


def test_the_seed_decides(inpaint):
    remover = load(inpaint)
    request = photograph(1)
    same = Request(request.recipe, request.image, request.mask, request.seed)
    other = Request(request.recipe, request.image, request.mask, request.seed + 1)
    first, again, another = images(remover.edit([request, same, other]))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, another)


def test_two_groups_of_one_photograph_are_drawn_from_different_noise(inpaint):
    image = np.full((64, 256, 3), 120, np.uint8)
    mask = np.zeros((64, 256), bool)
    mask[20:40, 20:40] = mask[20:40, 200:220] = True
    (edited,) = images(load(inpaint).edit([Request("chain", image, mask, 5)]))
    assert not np.array_equal(edited[20:40, 20:40], edited[20:40, 200:220])


def test_masks_at_the_border_tiny_images_and_empty_masks(inpaint):
    remover = load(inpaint)
    frame = np.zeros((40, 50), bool)
    frame[:, :5] = frame[:, -5:] = frame[:5] = frame[-5:] = True
    requests = [
        Request("sham", np.full((40, 50, 3), 90, np.uint8), frame, 1),
        Request("chain", np.full((1, 2, 3), 90, np.uint8), np.array([[True, False]]), 1),
        Request("chain", np.full((1, 1, 3), 90, np.uint8), np.array([[False]]), 1),
    ]
    edited = images(remover.edit(requests))
    for request, image in zip(requests, edited, strict=True):
        assert image.shape == request.image.shape
        assert np.array_equal(image[~request.mask], request.image[~request.mask])  # type: ignore[index]
    assert list(remover.edit([])) == []


def test_options_hold_what_decides_and_nothing_else(inpaint):
    remover = load(inpaint, scheduler="euler", scheduler_options={"timestep_spacing": "trailing"}, device="cpu")
    assert remover.model is not None
    assert remover.model["file"] == "inpaint"
    options = json.loads(json.dumps(remover.options))
    assert options["model"] == remover.model
    assert options["scheduler"] == "EulerDiscreteScheduler"
    assert options["scheduler_options"]["timestep_spacing"] == "trailing"
    assert options["size"] == pipelines.SIZE
    assert options["negative_prompt"] == "people"
    assert not options["safety_checker"]
    assert not options.keys() & {"device", "cache_prompts", "chunks", "kept"}
    assert load(inpaint, guidance=1.0).options["negative_prompt"] is None


def test_the_hash_of_a_model_is_that_of_its_components(inpaint, tmp_path):
    copy = tmp_path / "inpaint"
    shutil.copytree(inpaint, copy)
    (copy / "README.md").write_text("nothing that is loaded")
    assert load(copy).model == load(inpaint).model
    settings = copy / "scheduler" / "scheduler_config.json"
    settings.write_text(settings.read_text().replace("0.012", "0.013"))
    assert load(copy).model != load(inpaint).model


def network(remover: Any, name: str) -> Any:
    return getattr(remover._renderer._pipeline, name)


def runs(module: Any) -> list[int]:
    """Return a list that grows by the number of samples whenever the module runs."""
    seen: list[int] = []
    module.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[0] if args else 0))
    return seen


def test_guidance_of_one_runs_the_model_once_per_step(inpaint):
    for guidance, samples in ((7.5, 4), (1.0, 2)):
        remover = load(inpaint, guidance=guidance)
        seen = runs(network(remover, "unet"))
        remover.edit([photograph(0)])
        assert set(seen) == {samples}


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != "flow-euler"])
def test_every_scheduler_draws_and_is_repeatable(inpaint, name):
    remover = load(inpaint, scheduler=name, steps=3)
    request = photograph(2)
    one, other = (images(remover.edit([request]))[0] for _ in range(2))
    assert np.array_equal(one, other)


def test_prompts_are_encoded_once(inpaint):
    requests = [photograph(number) for number in range(3)]
    edits = {}
    for cached in (True, False):
        remover = load(inpaint, cache_prompts=cached)
        calls = runs(network(remover, "text_encoder").embeddings)
        edits[cached] = images(remover.edit(requests))
        assert len(calls) == (1 if cached else 8)  # the trial has encoded the other; 2 batches of 2 by 2 prompts
    assert all(np.array_equal(one, other) for one, other in zip(edits[True], edits[False], strict=True))


def test_reuse_runs_the_deep_blocks_at_every_nth_step_and_starts_anew_with_each_batch(inpaint):
    request = photograph(3)
    plain = images(load(inpaint, steps=6).edit([request]))[0]
    for interval, whole in ((1, 6), (3, 2), (6, 1)):
        remover = load(inpaint, steps=6, reuse_interval=interval)
        calls = runs(network(remover, "unet").mid_block.resnets[0])
        edited = [images(remover.edit([request]))[0] for _ in range(2)]
        assert len(calls) == 2 * whole
        assert np.array_equal(*edited)
        assert np.array_equal(edited[0], plain) == (interval == 1)


@pytest.mark.parametrize(
    "settings",
    [
        {"channels_last": True},
        {"vae_slicing": True},
        {"vae_tiling": True},
        {"attention": "math"},
        {"dtype": "bfloat16"},
        {"strength": 0.5},
    ],
    ids=str,
)
def test_settings_of_speed_and_memory_leave_a_picture(inpaint, settings):
    request = photograph(4)
    plain, changed = (images(load(inpaint, **others).edit([request]))[0] for others in ({}, settings))
    apart = np.abs(plain.astype(int) - changed.astype(int))
    assert apart.max() <= (255 if "strength" in settings else 60 if "dtype" in settings else 1)


@pytest.mark.slow
def test_a_compiled_model_draws_the_same(inpaint):
    request = photograph(4)
    plain, compiled = (images(load(inpaint, compile=on).edit([request]))[0] for on in (False, True))
    assert np.abs(plain.astype(int) - compiled.astype(int)).max() <= 1


def test_a_flagged_edit_is_refused_unless_the_checker_is_switched_off(folder, inpaint):
    flagging = pipelines.with_safety_checker(folder, inpaint, flags=True)
    passing = pipelines.with_safety_checker(folder, inpaint, flags=False)
    requests = [photograph(0), photograph(1)]
    assert all(str(edit).startswith("flagged: ") for edit in load(flagging).edit(requests))
    assert load(flagging).options["safety_checker"]
    passed = images(load(passing).edit(requests))
    unchecked = load(flagging, safety_checker=False)
    assert not unchecked.options["safety_checker"]
    for one, other in zip(passed, images(unchecked.edit(requests)), strict=True):
        assert np.array_equal(one, other)


def test_a_model_without_a_checker_says_so(inpaint, caplog):
    with caplog.at_level(logging.INFO):
        load(inpaint)
    assert "no safety checker" in caplog.text


def test_what_overflows_is_refused_not_published_black(inpaint, tmp_path):
    import torch
    from diffusers import AutoencoderKL

    broken = tmp_path / "broken"
    shutil.copytree(inpaint, broken)
    vae: Any = AutoencoderKL.from_pretrained(broken / "vae")
    torch.nn.init.constant_(vae.decoder.conv_out.bias, torch.nan)
    vae.save_pretrained(broken / "vae")
    assert [str(edit)[:6] for edit in load(broken).edit([photograph(0), photograph(1)])] == ["black:", "black:"]


def test_a_prompt_that_the_model_cannot_read_whole_is_said(inpaint, caplog):
    load(inpaint, prompt="a very empty place " * 40)
    assert "reads the first 77" in caplog.text


def refusal(model: Path, **settings: Any) -> str:
    with pytest.raises(ThrongError) as caught:
        load(model, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_pipeline_folder_is_one_sentence(inpaint, tmp_path):
    assert "not found" in refusal(tmp_path / "absent")
    single = tmp_path / "model.safetensors"
    single.write_bytes(b"weights")
    assert "one file" in refusal(single)
    assert "no model_index.json" in refusal(inpaint / "unet")
    (tmp_path / "model_index.json").write_text("[]")
    assert "names no pipeline class" in refusal(tmp_path)


def test_a_model_of_another_kind_is_one_sentence(tmp_path):
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
    )
    DDPMPipeline(unet=unet, scheduler=DDPMScheduler()).save_pretrained(tmp_path)
    assert "a DDPMPipeline, cannot fill masks" in refusal(tmp_path)


def test_a_network_with_other_inputs_is_one_sentence(inpaint, tmp_path):
    from diffusers import UNet2DConditionModel

    other = tmp_path / "other"
    shutil.copytree(inpaint, other)
    unet: Any = UNet2DConditionModel.from_pretrained(other / "unet")
    UNet2DConditionModel.from_config(unet.config, in_channels=8).save_pretrained(other / "unet")
    assert "cannot fill masks" in refusal(other)


def test_a_missing_component_is_one_sentence(inpaint, tmp_path):
    part = tmp_path / "part"
    shutil.copytree(inpaint, part)
    shutil.rmtree(part / "vae")
    assert f"{part}, a StableDiffusionInpaintPipeline, cannot fill masks" in refusal(part)
    assert "cannot fill masks" in refusal(inpaint, variant="fp16")


def test_keys_that_do_not_fit_the_model_are_one_sentence(folder, inpaint):
    assert "size is 100" in refusal(inpaint, size=100)
    assert "has no spacing" in refusal(inpaint, scheduler="ddim", scheduler_options={"spacing": "trailing"})
    assert "does not fit the model" in refusal(inpaint, scheduler="flow-euler")
    flow = pipelines.build(folder, "sd3")
    assert "does not fit the model" in refusal(flow, scheduler="ddim")
    assert "reuse_interval" in refusal(flow, reuse_interval=2)


def test_a_device_that_is_not_there_is_one_sentence(inpaint, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "torch sees no GPU" in refusal(inpaint, device="cuda")


def test_settings_that_exclude_each_other_are_refused_when_read():
    for wrong in ({"steps": 3, "strength": 0.3}, {"compile": True, "reuse_interval": 2}):
        with pytest.raises(ValidationError):
            Inpainting(model="model", **wrong)
