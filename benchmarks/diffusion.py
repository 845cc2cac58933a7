"""A diffusion model with every speed setting on and off, against the library's defaults: batch 1, eager, no cache.

    python benchmarks/diffusion.py [--task draw] [--device cuda] [--model FOLDER] [--compile] [--images 16] [--steps 25]
        [--rounds 5]

Task ``inpaint`` fills masks in photographs, ``draw`` makes images from text. Without a model, one of random weights is
built: with the shape of Stable Diffusion 1.5 on a GPU, a small one on a CPU. The defaults compute in float16 on a GPU,
in float32 on a CPU. All settings take turns in one process; for ``draw`` the library's own pipeline, called image by
image, takes its turn too, and ratios are against it. Where a setting must not change the arithmetic, its images are
first compared with the defaults' in float32. Medians of the rounds and their ratios go to standard output and to
diffusion-<device>.json or diffusion-draw-<device>.json.
"""

import argparse
import concurrent.futures
import dataclasses
import gc
import json
import logging
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from tests import pipelines
from tests.rows import prompt_row
from throng.images import encode_png
from throng.removers import diffusers_inpaint
from throng.removers.protocol import Request
from throng.sections.pipelines import Inpainting
from throng.sections.synthesize import Diffusers
from throng.synthesizers import diffusers
from throng.synthesizers.protocol import Scene

DEFAULTS: dict[str, Any] = {"batch": 1, "cache_prompts": False, "safety_checker": False}
FEW = {"scheduler": "lcm", "steps": 4, "guidance": 1.0}
EXACT = (
    "defaults",
    "cached prompts",
    "batch",
    "channels last",
    "math attention",
    "sliced decoder",
    "compiled",
    "all that is exact",
)
LIBRARY, PLAIN = "library", "defaults"
TEXTS = ("a crowd in a square", "three people on a street", "an empty park", "12 people at a station")
WRITTEN, WRITTEN_BESIDE = "all, PNG after edit", "all, PNG beside edit"
GATE_STEPS, GATE_LEVELS = 4, 2  # float32 rounding in another order, after a few steps, in levels of 255


@dataclasses.dataclass(frozen=True)
class Runner:
    """A loaded model: ``draw`` makes some of the task's images by their numbers, ``batch`` are worth asking at once."""

    batch: int
    draw: Callable[[range], list[np.ndarray | str]]


Load = Callable[[Path, Mapping[str, Any]], Runner]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=LOADERS, default="inpaint")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--model", type=Path, help="folder of a pipeline for the task")
    parser.add_argument("--compile", action="store_true", help="compile too: minutes")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    logging.basicConfig(level="ERROR")
    gpu, load = options.device.startswith("cuda"), LOADERS[options.task]
    with tempfile.TemporaryDirectory() as scratch:
        model = options.model or build(Path(scratch), options.device, options.task)
        base = DEFAULTS | {"device": options.device, "steps": options.steps, "dtype": "float16" if gpu else "float32"}
        ways = settings(options.task, options.batch, gpu=gpu, compiled=options.compile)
        agreement = {name: agree(load, model, base, change) for name, change in ways.items() if name in EXACT}
        if bad := [name for name, levels in agreement.items() if levels > GATE_LEVELS]:
            raise SystemExit(f"{', '.join(bad)}: the images differ from the defaults', so their times mean nothing")
        seconds = race(load, model, base, ways, options.images, options.rounds)
    plain = statistics.median(seconds.get(LIBRARY, seconds[PLAIN]))
    figures = {
        "task": options.task,
        "machine": torch.cuda.get_device_name() if gpu else platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "model": "random weights, the shape of SD 1.5" if gpu else "random weights, small",
        "steps": options.steps,
        "defaults": {key: value for key, value in base.items() if key != "device"},
        "settings": {
            name: {
                "change": dict(ways[name]),
                "images_per_s": round(options.images / statistics.median(times), 3),
                "ratio": round(plain / statistics.median(times), 2),
                "ratio_range": [round(plain / max(times), 2), round(plain / min(times), 2)],
                "levels_apart": agreement.get(name),
            }
            for name, times in seconds.items()
        },
    }
    if options.model:
        figures["model"] = options.model.name
    for name, found in figures["settings"].items():
        print(f"{name:24s} {found['images_per_s']:8.3f} images/s  x{found['ratio']:.2f}  {found['change']}")
    options.out.mkdir(parents=True, exist_ok=True)
    file = f"diffusion-{'draw-' if options.task == 'draw' else ''}{'gpu' if gpu else 'cpu'}.json"
    (options.out / file).write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def settings(task: str, batch: int, *, gpu: bool, compiled: bool) -> dict[str, Mapping[str, Any]]:
    """Return every setting as what it changes of the defaults."""
    exact = {"cache_prompts": True, "batch": batch, "channels_last": True}
    ways: dict[str, Mapping[str, Any]] = {
        PLAIN: {},
        "bfloat16": {"dtype": "bfloat16"},
        "cached prompts": {"cache_prompts": True},
        "batch": {"batch": batch},
        "channels last": {"channels_last": True},
        "math attention": {"attention": "math"},
        "sliced decoder": {"vae_slicing": True, "batch": batch},
        "no guidance": {"guidance": 1.0},
        "20 steps of dpm++": {"scheduler": "dpm++2m-karras", "steps": 20},
        "4 steps of lcm": FEW,
        "reuse 2": {"reuse_interval": 2},
        "reuse 3": {"reuse_interval": 3},
        "reuse 5": {"reuse_interval": 5},
        "all that is exact": exact,
        WRITTEN: exact,
        WRITTEN_BESIDE: exact,
        "all, reuse 3": exact | {"reuse_interval": 3},
        "all, 4 steps of lcm": exact | FEW,
    }
    if task == "draw":
        ways = {LIBRARY: {}} | ways | {"all, over a layout": exact | {"layout": {"kind": "img2img", "strength": 1.0}}}
    if compiled:
        ways["compiled"] = {"compile": True}
        ways["all, compiled"] = exact | {"compile": True, "dtype": "bfloat16" if gpu else "float32"}
    return ways


def build(folder: Path, device: str, task: str) -> Path:
    """Save a pipeline of random weights for the task, small on a CPU, with Stable Diffusion 1.5's shape on a GPU."""
    if not device.startswith("cuda"):
        return pipelines.build(folder, "text-to-image" if task == "draw" else "inpaint")
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionInpaintPipeline,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    tokenizer = pipelines.clip_tokenizer(folder)
    widths = (320, 640, 1280, 1280)
    with torch.device(device):
        unet = UNet2DConditionModel(
            sample_size=64,
            in_channels=4 if task == "draw" else 9,
            block_out_channels=widths,
            cross_attention_dim=768,
            attention_head_dim=8,
        )
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            sample_size=512,
        )
        text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=768,
                intermediate_size=3072,
                num_hidden_layers=12,
                num_attention_heads=12,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
    pipeline = (StableDiffusionPipeline if task == "draw" else StableDiffusionInpaintPipeline)(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(torch.float16).save_pretrained(folder / "sd15")
    return folder / "sd15"


def requests(numbers: range) -> list[Request]:
    """Return photographs of 640x480 pixels with one person to remove in each."""
    made = []
    for number in numbers:
        random = np.random.default_rng(number)
        image = cv2.resize(random.integers(0, 256, (15, 20, 3), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC)
        mask = np.zeros((480, 640), bool)
        left = int(random.integers(0, 540))
        mask[120:360, left : left + 100] = True
        made.append(Request("chain", image, mask, number))
    return made


def load_remover(model: Path, changes: Mapping[str, Any]) -> Runner:
    """Load the inpainting backend."""
    remover = diffusers_inpaint.make(Inpainting.model_validate({"model": str(model)} | dict(changes)), model)
    return Runner(remover.batch, lambda numbers: list(remover.edit(requests(numbers))))


def load_maker(model: Path, changes: Mapping[str, Any]) -> Runner:
    """Load the text-to-image backend; every fourth image has the same text."""
    said = {"name": "drawn", "model": str(model), "licence": "none"}
    maker = diffusers.make(Diffusers.model_validate(said | dict(changes)), None, {"model": [model]})

    def draw(numbers: range) -> list[np.ndarray | str]:
        asked = [prompt_row(text=TEXTS[number % len(TEXTS)], negative="blur", seed=number) for number in numbers]
        return [scene.pixels if isinstance(scene, Scene) else scene for scene in maker.synthesize(asked)]

    return Runner(maker.batch, draw)


LOADERS: dict[str, Load] = {"inpaint": load_remover, "draw": load_maker}


def load_library(model: Path, base: Mapping[str, Any]) -> Runner:
    """Load the library's own text-to-image pipeline, called image by image."""
    from diffusers import AutoPipelineForText2Image

    dtype = getattr(torch, base["dtype"])
    pipeline: Any = AutoPipelineForText2Image.from_pretrained(model, dtype=dtype, local_files_only=True)
    pipeline.to(base["device"]).set_progress_bar_config(disable=True)
    pipeline.safety_checker = None

    def one(number: int) -> np.ndarray:
        output = pipeline(
            TEXTS[number % len(TEXTS)],
            negative_prompt="blur",
            num_inference_steps=base["steps"],
            guidance_scale=7.5,
            generator=torch.Generator().manual_seed(number),
            output_type="np",
        )
        return np.rint(output.images[0] * 255).astype(np.uint8)

    return Runner(1, lambda numbers: [one(number) for number in numbers])


def agree(load: Load, model: Path, base: Mapping[str, Any], change: Mapping[str, Any]) -> int:
    """Return by how many levels of 255 the images differ at most, both ways computed in float32.

    What is compared with is the library's own pipeline where the task has it, else the defaults.
    """
    exact = {**base, "dtype": "float32", "steps": GATE_STEPS}
    images = []
    for loader, changes in ((load_library if load is load_maker else load, {}), (load, change)):
        runner = loader(model, {**exact, **changes})
        images.append(np.stack([image.astype(int) for image in drawn(runner.draw(range(4)))]))
        del runner
        gc.collect()
    return int(np.abs(images[0] - images[1]).max())


def race(
    load: Load, model: Path, base: Mapping[str, Any], ways: Mapping[str, Mapping[str, Any]], images: int, rounds: int
) -> dict[str, list[float]]:
    """Return the seconds that each setting took in each round."""
    runs: dict[str, Callable[[], object]] = {}
    for name, change in ways.items():
        runner = (load_library if name == LIBRARY else load)(model, {**base, **change})
        if name in (WRITTEN, WRITTEN_BESIDE):
            runs[name] = lambda runner=runner, beside=name == WRITTEN_BESIDE: written(runner, images, beside=beside)
        else:
            runs[name] = lambda runner=runner: drawn(runner.draw(range(images)))
        runs[name]()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def drawn(images: list[np.ndarray | str]) -> list[np.ndarray]:
    if refused := [image for image in images if isinstance(image, str)]:
        raise SystemExit(f"nothing to time: {refused[0]}")
    return [image for image in images if not isinstance(image, str)]


def written(runner: Runner, images: int, *, beside: bool) -> None:
    """Draw group by group and encode what came out, at once or on a thread of its own while the next is drawn."""
    with concurrent.futures.ThreadPoolExecutor(1) as writer:
        waiting = []
        for start in range(0, images, runner.batch):
            for image in drawn(runner.draw(range(start, min(start + runner.batch, images)))):
                if beside:
                    waiting.append(writer.submit(encode_png, image))
                else:
                    encode_png(image)
        for future in waiting:
            future.result()


if __name__ == "__main__":
    main()
