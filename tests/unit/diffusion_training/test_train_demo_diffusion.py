"""The stage at its smallest: genuine folders, the same bytes every time, also after a kill; and what it refuses."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from throng.diffusion_training import denoising
from throng.errors import ThrongError
from throng.roots import RESULTS
from throng.sections.base import output_slice
from throng.sections.train_demo_diffusion import TrainDemoDiffusion
from throng.stage import Context, Files
from throng.stages import train_demo_diffusion

SIDE = 32
DENOISER = {"channels": [8, 16], "attention": [False, True], "heads": 2, "steps": 4, "batch": 2}
TINY = {
    "scenes": {
        "frames": 4, "frames_per_scene": 4, "width": 128, "height": 128, "max_people": 12, "windows": 4, "edits": 1,
        "window": SIDE, "edit_window": SIDE, "most": 3,
    },
    "text": {"width": 16, "layers": 1, "heads": 2},
    "autoencoder": {"channels": [8, 8], "steps": 4, "batch": 2},
    "inpainting": DENOISER,
    "text_to_image": DENOISER,
    "checkpoint_seconds": 1e-9,
}  # fmt: skip


def train(root: Path, seed: int = 3, **changes) -> Path:
    config = TrainDemoDiffusion.model_validate(TINY | changes)
    out = root / "train_demo_diffusion"
    names = {"inpaint": "inpaint", "text_to_image": "text_to_image", "history": "history.jsonl", "figures": "f.json"}
    outputs = Files({name: [str(out / file)] for name, file in names.items()})
    tracked = {"train_demo_diffusion": output_slice(config), "seed": seed}
    context = Context("train_demo_diffusion", seed, 1, {}, {RESULTS: root}, tracked, "code", {})
    train_demo_diffusion.run(Files({}), outputs, config, context)
    return out


def hashes(out: Path) -> dict[str, str]:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train(tmp_path_factory.mktemp("trained"))


def test_text_to_image_loads_as_any_model_does_and_draws_the_same_twice(trained):
    import torch
    from diffusers import AutoPipelineForText2Image

    drawn = []
    for _ in range(2):
        pipeline = AutoPipelineForText2Image.from_pretrained(trained / "text_to_image", dtype=torch.float32)
        pipeline.set_progress_bar_config(disable=True)
        assert type(pipeline).__name__ == "StableDiffusionPipeline"
        assert next(pipeline.unet.parameters()).dtype == torch.float32
        generator = torch.Generator().manual_seed(5)
        drawn.append(pipeline("two people", num_inference_steps=2, generator=generator, output_type="np").images[0])
    assert drawn[0].shape == (SIDE, SIDE, 3)
    assert np.isfinite(drawn[0]).all()
    assert (drawn[0] == drawn[1]).all()


def test_inpainting_loads_as_any_model_does(trained):
    import torch
    from diffusers import AutoPipelineForInpainting
    from PIL import Image

    pipeline = AutoPipelineForInpainting.from_pretrained(trained / "inpaint", dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    assert type(pipeline).__name__ == "StableDiffusionInpaintPipeline"
    mask = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    mask[16:32, 16:32] = 255
    photograph = Image.fromarray(np.full((2 * SIDE, 2 * SIDE, 3), 90, np.uint8))
    filled = pipeline(
        "an empty place", image=photograph, mask_image=Image.fromarray(mask), num_inference_steps=2, guidance_scale=1.0,
        height=2 * SIDE, width=2 * SIDE, output_type="np",
    ).images[0]  # fmt: skip
    assert filled.shape == (2 * SIDE, 2 * SIDE, 3)
    assert np.isfinite(filled).all()


def test_the_folders_are_whole_and_name_no_path(trained):
    for folder in ("inpaint", "text_to_image"):
        inside = [path for path in (trained / folder).rglob("*") if path.is_file()]
        assert not any(path.is_symlink() for path in inside)
        assert {path.suffix for path in inside} == {".json", ".safetensors"}
        for path in inside:
            if path.suffix == ".json":
                assert str(trained.parent) not in path.read_text()
    figures = json.loads((trained / "f.json").read_text())
    assert len(figures["examples"]["windows_by_count"]) == TINY["scenes"]["most"] + 1
    assert figures["examples"]["edits"] > 0
    assert figures["made_by"]["seed"] == 3


def test_a_prompt_decides_what_is_drawn(trained):
    import torch
    from diffusers import AutoPipelineForText2Image

    pipeline = AutoPipelineForText2Image.from_pretrained(trained / "text_to_image", dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    with torch.inference_mode():
        states = [
            pipeline.encode_prompt(text, torch.device("cpu"), 1, False)[0] for text in ("two people", "three people")
        ]
    assert (states[0] != states[1]).any()


@pytest.mark.parametrize("killed_at", [2, 7])
def test_a_killed_training_goes_on_and_ends_in_the_same_bytes(trained, tmp_path, monkeypatch, killed_at):
    """Killed in the inpainter's training, and in text to image's: every training has 4 steps."""
    real, calls = denoising.step_weights, []

    def dies(*arguments):
        calls.append(1)
        if len(calls) == killed_at:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(denoising, "step_weights", dies)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path)
    steps = []

    def counts(*arguments):
        steps.append(1)
        return real(*arguments)

    monkeypatch.setattr(denoising, "step_weights", counts)
    resumed = train(tmp_path)
    assert len(steps) == 8 - (killed_at - 1)
    assert hashes(resumed) == hashes(trained)
    assert not any((tmp_path / ".work" / "train_demo_diffusion").iterdir())


def test_another_seed_gives_another_model(trained, tmp_path):
    other = hashes(train(tmp_path, seed=4))
    name = "text_to_image/unet/diffusion_pytorch_model.safetensors"
    assert other[name] != hashes(trained)[name]


def test_too_few_frames_are_refused(tmp_path):
    with pytest.raises(ThrongError, match=r"raise scenes\.frames"):
        train(tmp_path, scenes=TINY["scenes"] | {"frames": 2, "most": 0})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inpainting": DENOISER | {"attention": [True]}}, "attention has 1 levels, channels has 2"),
        ({"text_to_image": DENOISER | {"attention": [False, False]}}, "never see its prompt"),
        ({"scenes": TINY["scenes"] | {"window": 30}}, "need a multiple of 4"),
        ({"scenes": TINY["scenes"] | {"min_people": 20}}, "min_people 20 is above"),
        ({"scenes": TINY["scenes"] | {"people_px": [30, 16]}}, "must be positive and rise"),
        ({"scenes": TINY["scenes"] | {"edit_window": 256}}, "must fit into a frame"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        TrainDemoDiffusion.model_validate(TINY | changes)


def test_steps_weigh_by_capped_signal_to_noise():
    import torch

    signal = torch.tensor([0.0, 0.5, 0.8, 0.9, 1.0])
    ratio = signal / (1 - signal)
    expected = torch.minimum(ratio + 1, torch.tensor(5.0)) / (ratio + 1)
    assert torch.allclose(denoising.step_weights(signal, 5.0)[:-1], expected[:-1])
    assert denoising.step_weights(signal, 5.0)[-1] == 0


def test_batches_are_functions_of_their_number():
    data = denoising.Drawn(np.arange(24, dtype=np.float32).reshape(6, 1, 2, 2), np.array([0, 0, 0, 0, 0, 3]))
    config = TrainDemoDiffusion.model_validate(TINY).text_to_image.model_copy(update={"batch": 64})
    said: list[str] = []

    def tokenise(texts):
        import torch

        said[:] = texts
        return torch.zeros(len(texts), 1)

    batch_at = denoising.drawing_batches(data, config, tokenise, seed=1)
    first = batch_at(7)["latents"]
    words = list(said)
    assert (batch_at(7)["latents"] == first).all() and said == words
    assert (batch_at(8)["latents"] != first).any()
    rare = (first[:, 0, 0, 0] == 20).tolist()
    assert 16 < sum(rare) < 48  # one window of six, but one count of two
    for one, text in zip(rare, words, strict=True):
        assert text == "" or "a few" in text or (("three" in text or "3" in text) == one)


def test_the_autoencoder_starts_with_an_eye_for_colour_and_without_its_blocks():
    import torch

    from throng.diffusion_training import networks

    network = networks.autoencoder(TrainDemoDiffusion().autoencoder, 64, seed=5)
    again = networks.autoencoder(TrainDemoDiffusion().autoencoder, 64, seed=5)
    assert all((a == b).all() for a, b in zip(network.parameters(), again.parameters(), strict=True))
    weights = network.encoder.conv_in.weight
    grey, red_green = (torch.tensor(colour).view(1, 3, 1, 1) for colour in ([1.0, 1.0, 1.0], [1.0, -1.0, 0.0]))
    response = [float((weights * colour).sum(dim=1).norm() / colour.norm()) for colour in (grey, red_green)]
    assert response[1] / response[0] == pytest.approx(networks.COLOUR_GAIN, rel=0.3)
    image = torch.rand(1, 16, 8, 8)
    assert (network.encoder.down_blocks[0].resnets[0](image, None) == image).all()
