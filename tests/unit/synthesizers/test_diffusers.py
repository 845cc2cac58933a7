"""Drawing from text by real pipeline classes with small random weights."""

import dataclasses
import json
import logging
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests import pipelines
from tests.rows import prompt_row
from tests.unit.stages.test_synthesize_stage import asked_for, made
from throng import synthesizers
from throng.chunks import part_name
from throng.errors import ThrongError
from throng.manifest import read_rows, write_table
from throng.provenance import Provenance
from throng.sections.synthesize import Diffusers, models_of
from throng.synthesizers.protocol import Scene, Synthesizer
from throng.tables import prompts as prompts_table
from throng.tables import synthetic
from throng.tables.prompts import PromptRow
from throng.tables.synthetic import SyntheticRow

TERMS = {"licence": "CreativeML-OpenRAIL-M", "redistributable": True}
QUICK = {"steps": 2, "batch": 2, "width": 64, "height": 64}
LARGER = ("xl", "sd3", "flux")
PROMPTS = [
    prompt_row(id="a", text="three people", negative="a blur", seed=2**63),
    prompt_row(id="b", text="the people", negative="", seed=1),
    prompt_row(id="c", text="three people", negative="", seed=2),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pipelines")


@pytest.fixture(scope="module")
def model(folder) -> Path:
    return built(folder, "text-to-image")


def built(folder: Path, kind: str) -> Path:
    saved = folder / kind
    return saved if saved.exists() else pipelines.build(folder, kind)


def load(model: Path, *, controlnet: Path | None = None, loras: list[Path] | None = None, **said: Any) -> Synthesizer:
    settings: dict[str, Any] = {"name": "drawn", "model": str(model), **QUICK, **TERMS, **said}
    settings["loras"] = [{"path": str(path)} for path in loras or []]
    given = {"model": [model], "controlnet": [controlnet] if controlnet else [], "loras": loras or []}
    return synthesizers.load(Diffusers(**settings), None, given)


def pixels(synthesizer: Synthesizer, prompts: list[PromptRow] = PROMPTS) -> list[np.ndarray]:
    scenes = synthesizer.synthesize(prompts)
    assert all(isinstance(scene, Scene) for scene in scenes), scenes
    return [scene.pixels for scene in scenes if isinstance(scene, Scene)]


def levels(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("layout", [None, {"kind": "img2img", "strength": 0.6}], ids=["text alone", "img2img"])
@pytest.mark.parametrize("kind", pipelines.DRAWING)
def test_every_family_draws_alike_alone_together_and_in_any_order(folder, kind, layout):
    synthesizer = load(built(folder, kind), width=96, height=64, layout=layout)
    together, backwards = pixels(synthesizer), pixels(synthesizer, PROMPTS[::-1])[::-1]
    for prompt, one, other in zip(PROMPTS, together, backwards, strict=True):
        assert one.shape == (64, 96, 3)
        assert np.array_equal(one, other)
        assert np.array_equal(one, pixels(synthesizer, [prompt])[0])


def test_an_image_is_the_one_that_the_library_draws_from_the_same_seed(model):
    import torch
    from diffusers import StableDiffusionPipeline

    pipeline: Any = StableDiffusionPipeline.from_pretrained(model, local_files_only=True)
    synthesizer = load(model, batch=1, steps=4, guidance=5.0)
    for prompt, mine in zip(PROMPTS, pixels(synthesizer), strict=True):
        drawn = pipeline(
            prompt.text,
            negative_prompt=prompt.negative or None,
            num_inference_steps=4,
            guidance_scale=5.0,
            generator=torch.Generator().manual_seed(prompt.seed),
            output_type="np",
        ).images[0]
        assert levels(mine, np.rint(drawn * 255)) <= 1


def test_the_size_of_a_forward_pass_changes_no_more_than_rounding(model):
    one, four = (pixels(load(model, batch=batch)) for batch in (1, 4))
    assert max(map(levels, one, four)) <= 1


def test_seed_text_and_negative_text_decide(model):
    first = PROMPTS[0]
    others: list[dict[str, Any]] = [{"seed": 5}, {"text": "an empty street"}, {"negative": "rain"}, {"id": "z"}]
    plain, *changed, renamed = pixels(load(model), [first, *[dataclasses.replace(first, **one) for one in others]])
    assert not any(np.array_equal(plain, one) for one in changed)
    assert np.array_equal(plain, renamed)


def test_an_empty_negative_prompt_is_none_at_all(folder):
    import torch
    from diffusers import StableDiffusionXLPipeline

    xl = built(folder, "xl")
    pipeline: Any = StableDiffusionXLPipeline.from_pretrained(xl, local_files_only=True)
    seed = torch.Generator().manual_seed(1)
    drawn = pipeline("the people", num_inference_steps=2, guidance_scale=7.5, generator=seed, output_type="np")
    assert levels(pixels(load(xl, batch=1), [PROMPTS[1]])[0], np.rint(drawn.images[0] * 255)) <= 1


def test_nothing_is_claimed_to_be_known_of_what_was_drawn(model):
    (scene,) = load(model).synthesize(PROMPTS[:1])
    assert isinstance(scene, Scene)
    assert scene.pixels.dtype == np.uint8
    assert (scene.count, scene.points, scene.boxes, scene.masks, scene.background) == (None,) * 5
    assert (scene.parents, scene.licence, scene.redistributable) == ([], *TERMS.values())
    assert load(model).synthesize([]) == []


def test_options_hold_what_decides_and_nothing_else(model):
    synthesizer = load(
        model, scheduler="euler", width=128, device="cpu", scheduler_options={"timestep_spacing": "linspace"}
    )
    options = json.loads(json.dumps(synthesizer.options))
    assert options["model"] == synthesizer.model
    assert options["pipeline"] == "StableDiffusionPipeline"
    assert options["scheduler"] == "EulerDiscreteScheduler"
    assert options["scheduler_options"]["timestep_spacing"] == "linspace"
    assert (options["width"], options["height"]) == (128, 64)
    assert options["heeds_negative_prompt"]
    assert options["loras"] == [] and options["layout"] is None
    assert not options.keys() & {"device", "cache_prompts", "chunks", "name", "licence"}
    assert not load(model, guidance=1.0).options["heeds_negative_prompt"]


@pytest.mark.parametrize(("kind", "side"), [("text-to-image", 64), ("xl", 64), ("sd3", 64), ("flux", 1024)])
def test_without_a_size_it_is_the_models_own(folder, kind, side):
    options = load(built(folder, kind), width=None, height=128).options
    assert (options["width"], options["height"]) == (side, 128)


def test_every_text_is_encoded_once(model):
    synthesizer: Any = load(model)
    seen: list[int] = []
    synthesizer._renderer._pipeline.text_encoder.embeddings.register_forward_pre_hook(lambda *_: seen.append(1))
    prompts = [prompt_row(text=text, seed=seed) for seed in range(3) for text in ("a crowd", "two people", "nobody")]
    synthesizer.synthesize(prompts)
    assert len(seen) == 3  # the empty negative text was encoded when the model was tried out


def test_what_the_safety_checker_flags_is_refused(folder, model):
    flagging = pipelines.with_safety_checker(folder, model, flags=True)
    refused = load(flagging).synthesize(PROMPTS)
    assert all(str(one).startswith("flagged: ") for one in refused)
    unchecked = load(flagging, safety_checker=False)
    assert all(map(np.array_equal, pixels(unchecked), pixels(load(model))))


def test_a_prompt_that_the_model_cannot_read_whole_is_said_once(model, caplog):
    load(model).synthesize([prompt_row(text="a very large crowd of people " * 40, seed=n) for n in range(3)])
    assert [record.message for record in caplog.records if "reads the first 77" in record.message] == [
        record.message for record in caplog.records if record.levelno == logging.WARNING
    ]
    assert sum(record.levelno == logging.WARNING for record in caplog.records) == 1


@pytest.mark.parametrize("kind", ["text-to-image", *(pytest.param(kind, marks=pytest.mark.slow) for kind in LARGER)])
def test_lora_weights_are_added_to_the_models_own(folder, kind, tmp_path):
    from diffusers import DiffusionPipeline
    from safetensors.torch import load_file

    plain = built(folder, kind)
    loras = [pipelines.build_lora(tmp_path, plain, seed=seed) for seed in (1, 2)]
    weights = (0.5, -0.25)
    pipeline: Any = DiffusionPipeline.from_pretrained(plain, local_files_only=True)
    network = getattr(pipeline, "unet", None) or pipeline.transformer
    for file, weight in zip(loras, weights, strict=True):
        changes = load_file(file)
        for name in [name for name in changes if ".lora_A." in name]:
            layer = network.get_submodule(name.split(".", 1)[1].removesuffix(".lora_A.weight"))
            layer.weight.data += weight * changes[name.replace(".lora_A.", ".lora_B.")] @ changes[name]
    pipeline.save_pretrained(tmp_path / "merged")
    said = [{"path": str(file), "weight": weight} for file, weight in zip(loras, weights, strict=True)]
    changed = with_loras(plain, loras, said)
    for one, merged, original in zip(
        pixels(changed), pixels(load(tmp_path / "merged")), pixels(load(plain)), strict=True
    ):
        assert levels(one, merged) <= 1
        assert levels(one, original) > 5
    assert [entry["weight"] for entry in changed.options["loras"]] == list(weights)
    assert changed.model is not None and all(file.name in changed.model["loras"] for file in loras)


def test_lora_files_of_other_programs_are_read_with_their_alpha(folder, model, tmp_path):
    from safetensors.torch import load_file, save_file

    plain = pipelines.build_lora(tmp_path, model)
    foreign = {}
    for name, value in load_file(plain).items():
        layer, _, kind = name.removeprefix("unet.").removesuffix(".weight").rpartition(".")
        key = "lora_unet_" + layer.replace(".", "_")
        foreign[f"{key}.{'lora_down' if kind == 'lora_A' else 'lora_up'}.weight"] = value
        foreign[f"{key}.alpha"] = torch_scalar(1.0)  # of rank 2: half as much
    save_file(foreign, tmp_path / "foreign.safetensors")
    half = with_loras(model, [plain], [{"path": str(plain), "weight": 0.5}])
    other = load(model, loras=[tmp_path / "foreign.safetensors"])
    assert max(map(levels, pixels(other), pixels(half))) <= 1


def torch_scalar(value: float) -> Any:
    import torch

    return torch.tensor(value)


def with_loras(model: Path, files: list[Path], said: list[dict[str, Any]]) -> Synthesizer:
    config = Diffusers.model_validate({"name": "drawn", "model": str(model), "loras": said, **QUICK, **TERMS})
    return synthesizers.load(config, None, {"model": [model], "loras": files})


@pytest.mark.parametrize("kind", ["text-to-image", *(pytest.param(kind, marks=pytest.mark.slow) for kind in LARGER)])
def test_a_controlnet_heeds_the_rendered_crowd(folder, kind):
    plain, controlnet = built(folder, kind), pipelines.build_controlnet(folder, kind)
    layout = {"kind": "controlnet", "model": str(controlnet), "condition": "segmentation"}
    guided = load(plain, controlnet=controlnet, layout=layout)
    one, other = (prompt_row(count=count, text="people", seed=7) for count in (1, 12))
    drawn = pixels(guided, [one, other])
    assert np.array_equal(drawn[1], pixels(guided, [other])[0])
    assert not np.array_equal(*drawn)  # text and seed are the same, the crowds are not
    assert levels(drawn[0], pixels(load(plain), [one])[0]) > 5
    assert guided.options["controlnet"]["file"] == controlnet.name
    assert guided.options["layout"]["condition"] == "segmentation"
    assert guided.model is not None and controlnet.name in guided.model["controlnet"]


def test_a_controlnets_scale_and_steps_say_how_much_it_is_heeded(folder, model):
    controlnet = pipelines.build_controlnet(folder, "text-to-image")

    def drawn(**said: Any) -> np.ndarray:
        layout = {"kind": "controlnet", "model": str(controlnet), **said}
        return pixels(load(model, controlnet=controlnet, layout=layout, steps=4), PROMPTS[:1])[0].astype(float)

    plain = pixels(load(model, steps=4), PROMPTS[:1])[0]
    apart = [np.abs(drawn(**said) - plain).mean() for said in ({"scale": 0.05}, {"scale": 0.5}, {"until": 0.3}, {})]
    assert apart[0] < apart[1] < apart[3]
    assert 0 < apart[2] != apart[3]


def test_a_layout_is_the_start_of_img2img(model):
    one, other = (prompt_row(count=count, text="people", seed=7) for count in (1, 12))
    drawn = pixels(load(model, layout={"kind": "img2img", "strength": 0.5}), [one, other])
    assert not np.array_equal(*drawn)
    alike = pixels(load(model, layout={"kind": "img2img", "strength": 1.0}, steps=50), [one, other])
    assert levels(*alike) < levels(*drawn)  # from noise alone nothing of the layout is left


def test_a_density_is_laid_out_too_and_what_does_not_fit_is_refused(model):
    synthesizer = load(model, layout={"kind": "img2img"})
    sparse = prompt_row(count=None, density="sparse", fewest=2, most=6, text="some people")
    crushed = prompt_row(count=100_000, text="a million people")
    drawn, refused = synthesizer.synthesize([sparse, crushed])
    assert isinstance(drawn, Scene)
    assert str(refused).startswith("place full: ")


def refusal(model: Path, **said: Any) -> str:
    with pytest.raises(ThrongError) as caught:
        load(model, **said)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_pipeline_for_text_is_one_sentence(folder, tmp_path):
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    maker = "synthesize.makers[drawn].model: "
    assert refusal(tmp_path / "absent").startswith(f"{maker}{tmp_path / 'absent'} not found")
    single = tmp_path / "model.safetensors"
    single.write_bytes(b"weights")
    assert "one file" in refusal(single)
    assert "no model_index.json" in refusal(tmp_path)
    for kind in ("inpaint", "xl-inpaint"):
        assert "cannot draw images from text: its network takes 9 channels" in refusal(built(folder, kind))
    assert "a FluxFillPipeline, cannot draw images from text" in refusal(built(folder, "flux-fill"))
    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
    )
    DDPMPipeline(unet=unet, scheduler=DDPMScheduler()).save_pretrained(tmp_path / "ddpm")
    assert "a DDPMPipeline, cannot draw images from text" in refusal(tmp_path / "ddpm")


def test_keys_that_do_not_fit_the_model_are_one_sentence(folder, model):
    assert "synthesize.makers[drawn].width is 100, the model needs a multiple of 8" in refusal(model, width=100)
    assert ".height is 84" in refusal(built(folder, "flux"), height=84)
    assert "does not fit the model" in refusal(model, scheduler="flow-euler")
    assert "has no spacing" in refusal(model, scheduler="ddim", scheduler_options={"spacing": "trailing"})
    assert "reuse_interval" in refusal(built(folder, "sd3"), reuse_interval=2)
    assert "both sides need 64" in refusal(model, height=32, layout={"kind": "img2img"})


def test_lora_files_that_do_not_fit_are_one_sentence(folder, model, tmp_path, monkeypatch):
    from safetensors.torch import load_file, save_file

    fitting = pipelines.build_lora(tmp_path, model)
    key = "synthesize.makers[drawn].loras[0]: "
    assert refusal(model, loras=[tmp_path / "absent.safetensors"]).startswith(f"{key}{tmp_path}/absent.safetensors not")
    assert "is not a .safetensors file" in refusal(model, loras=[model])
    for other in ("xl", "sd3"):
        foreign = pipelines.build_lora(tmp_path, built(folder, other))
        assert "does not fit the model, a StableDiffusionPipeline" in refusal(model, loras=[foreign])
    weights = load_file(fitting)
    more = {name.replace("attn1.to_q", "attn1.to_nothing"): value.clone() for name, value in weights.items()}
    save_file(weights | more, tmp_path / "partly.safetensors")
    assert "does not fit" in refusal(model, loras=[tmp_path / "partly.safetensors"])
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    assert "does not fit" in refusal(model, loras=[tmp_path / "broken.safetensors"])
    with pytest.raises(ThrongError, match="names 1 files, but 0 are here"):
        with_loras(model, [], [{"path": "hub:missing"}])
    monkeypatch.setitem(sys.modules, "peft", None)
    assert "pip install peft" in refusal(model, loras=[fitting])


def test_a_controlnet_that_does_not_fit_is_one_sentence(folder, model, tmp_path):
    def refused(controlnet: Path) -> str:
        return refusal(model, controlnet=controlnet, layout={"kind": "controlnet", "model": str(controlnet)})

    key = "synthesize.makers[drawn].layout.model: "
    assert refused(tmp_path / "absent").startswith(f"{key}{tmp_path / 'absent'} has no config.json")
    assert "is a UNet2DConditionModel, not a ControlNet" in refused(model / "unet")
    assert "cannot draw images from text" in refused(pipelines.build_controlnet(folder, "xl"))
    assert "cannot draw images from text" in refused(pipelines.build_controlnet(folder, "sd3"))
    broken = tmp_path / "broken"
    shutil.copytree(pipelines.build_controlnet(folder, "text-to-image"), broken)
    (broken / "diffusion_pytorch_model.safetensors").unlink()
    assert "cannot be loaded" in refused(broken)


def test_what_cannot_be_is_refused_when_the_section_is_read(model):
    for wrong in (
        {"steps": 2, "layout": {"kind": "img2img", "strength": 0.3}},
        {"layout": {"kind": "depth"}},
        {"layout": {"kind": "controlnet"}},
        {"compile": True, "reuse_interval": 2},
        {"licence": ""},
        {"prompt": "people"},
    ):
        with pytest.raises(ValidationError):
            Diffusers.model_validate({"name": "drawn", "model": "model", **TERMS, **wrong})
    with pytest.raises(ValidationError, match="licence"):
        Diffusers.model_validate({"name": "drawn", "model": "model"})


def test_a_job_is_told_of_every_model_in_the_sections_order():
    said = {"model": "hub:sd", "loras": [{"path": "b"}, {"path": "hub:a"}]}
    layout = {"kind": "controlnet", "model": "hub:canny"}
    maker = Diffusers.model_validate({"name": "drawn", **said, "layout": layout, **TERMS})
    assert models_of(maker) == {"model": ["hub:sd"], "controlnet": ["hub:canny"], "loras": ["b", "hub:a"]}
    plain = Diffusers.model_validate({"name": "drawn", "model": "sd", **TERMS})
    assert models_of(plain) == {"model": ["sd"], "controlnet": [], "loras": []}


@pytest.mark.parametrize("chunks", [2, 3])
def test_a_prompts_image_is_the_same_in_every_chunking(model, tmp_path, chunks):
    prompts = asked_for([0, 3, 9, 20], 2)

    def rows(chunks: int) -> dict[str, SyntheticRow]:
        results = tmp_path / f"results-{chunks}"
        table = results / "prompts.parquet"
        table.parent.mkdir()
        write_table(table, prompts_table.TABLE, prompts, Provenance("prompt", {}, "code", 0))
        inputs = {"prompts": [str(table)], "model": [str(model)]}
        maker = Diffusers.model_validate({"name": "drawn", "model": "sd", "chunks": chunks, **QUICK, **TERMS})
        roots = {"results": results}
        tables = [made(results, maker, part_name(part, chunks), inputs, roots)[0] for part in range(chunks)]
        return {row.prompt_id: row for row in read_rows(tables, synthetic.TABLE, SyntheticRow)}

    whole, parts = rows(1), rows(chunks)
    assert whole.keys() == parts.keys() == {prompt.id for prompt in prompts}
    for name, row in whole.items():
        assert row.sha256 == parts[name].sha256
        assert (row.status, row.count, row.points, row.masks) == ("ok", None, None, None)
        assert (row.licence, row.redistributable, row.parents) == (*TERMS.values(), [])
        assert json.loads(row.options)["pipeline"] == "StableDiffusionPipeline"
    assert len({row.sha256 for row in whole.values()}) == len(prompts)
