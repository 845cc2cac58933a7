"""Stage ``train_demo_diffusion``: a text-to-image pipeline and its inpainting variant, learnt from rendered scenes."""

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from throng.diffusion_training import captions, examples, vocabulary
from throng.diffusion_training.examples import STAGE, Examples
from throng.errors import ThrongError
from throng.files import atomic_path, write_text
from throng.provenance import canonical_json
from throng.sections.train_demo_diffusion import Denoiser, Optimisation, TrainDemoDiffusion
from throng.seeds import sample_seed
from throng.stage import Context, Files
from throng.workdir import Made, Workdir, process

log = logging.getLogger(__name__)
FRAMES_AT_ONCE = 20
ENCODED_AT_ONCE = 16


def run(inputs: Files, outputs: Files, config: TrainDemoDiffusion, context: Context) -> None:
    """Write the folders of both pipelines, the history of every training and figures of what they learnt from."""
    import torch

    torch.set_num_threads(context.threads)
    scratch = context.workdir()
    data = _examples(config, context, scratch)
    trainer = _Trainer(config, context, scratch, data)
    trainer.autoencoder()
    trainer.inpainting(outputs.one("inpaint"))
    trainer.text_to_image(outputs.one("text_to_image"))
    write_text(outputs.one("history"), "".join(canonical_json(row) + "\n" for row in trainer.history))
    report = {
        "examples": {
            "frames": config.scenes.frames,
            "windows_by_count": np.bincount(data.counts, minlength=config.scenes.most + 1).tolist(),
            "edits": len(data.images),
        },
        "last": trainer.last,
        "parameters": trainer.parameters,
        "made_by": dataclasses.asdict(context.provenance(backend="diffusers")),
    }
    write_text(outputs.one("figures"), json.dumps(report, indent=1, sort_keys=True) + "\n")
    log.info("train_demo_diffusion: %s", trainer.last)
    scratch.remove()


def _seed(context: Context, what: str) -> int:
    """Return a seed that torch takes, signed 64-bit; never one that section render draws scenes from."""
    return sample_seed(context.seed, STAGE, what) >> 1


def _examples(config: TrainDemoDiffusion, context: Context, scratch: Workdir) -> Examples:
    """Return the rendered examples; packs that an earlier attempt finished are read, not rendered again."""
    starts = range(0, config.scenes.frames, FRAMES_AT_ONCE)
    packs = {f"frames-{start:06d}": range(start, min(start + FRAMES_AT_ONCE, config.scenes.frames)) for start in starts}
    make = partial(_pack, config, _seed(context, "scenes"))
    process(scratch, packs, make, threads=context.threads, stage=STAGE)
    found = Examples.joined([scratch.file(_name(numbers)).read_bytes() for numbers in packs.values()])
    if len(np.unique(found.counts)) < 2 or not len(found.images):
        raise ThrongError(
            f"train_demo_diffusion: {config.scenes.frames} frames gave {len(found.counts)} windows and "
            f"{len(found.images)} edits, too few to learn from; raise scenes.frames"
        )
    return found


def _pack(config: TrainDemoDiffusion, seed: int, numbers: range) -> Made:
    return {"frames": len(numbers)}, {_name(numbers): examples.render(config.scenes, seed, numbers).packed()}


def _name(numbers: range) -> str:
    return f"frames-{numbers.start:06d}.npz"


class _Trainer:
    """The three trainings in their order; each resumes where it was killed."""

    def __init__(self, config: TrainDemoDiffusion, context: Context, scratch: Workdir, data: Examples) -> None:
        from throng.diffusion_training import networks

        self._config, self._context, self._work, self._data = config, context, scratch.path, data
        self._tokenizer = self._new_tokenizer()
        self._autoencoder = networks.autoencoder(
            config.autoencoder, config.scenes.window, _seed(context, "autoencoder")
        )
        self.history: list[dict[str, Any]] = []
        self.last: dict[str, Any] = {}
        self.parameters: dict[str, int] = {}

    def autoencoder(self) -> None:
        """Train what turns pixels into latents."""
        from throng.diffusion_training import autoencoding

        config, seed = self._config.autoencoder, _seed(self._context, "autoencoder")
        patches = autoencoding.Patches(self._data, config, seed)
        history = autoencoding.fit(self._autoencoder, patches, config, **self._loop("autoencoder", config, seed))
        self._autoencoder.to(self._config.device).eval().requires_grad_(False)
        self._scale()
        self._note("autoencoder", history, self._autoencoder)

    def inpainting(self, folder: Path) -> None:
        """Train what fills holes and save its pipeline."""
        from throng.diffusion_training import denoising

        config, seed = self._config.inpainting, _seed(self._context, "inpainting")
        batches = denoising.filling_batches(self._filled(), config, self._tokens, seed)
        self._denoiser("inpainting", config, self._config.scenes.edit_window, batches, seed, folder)

    def text_to_image(self, folder: Path) -> None:
        """Train what draws by prompts and save its pipeline."""
        from throng.diffusion_training import denoising

        config, seed = self._config.text_to_image, _seed(self._context, "text_to_image")
        drawn = denoising.Drawn(self._latents("windows", self._data.windows), self._data.counts)
        batches = denoising.drawing_batches(drawn, config, self._tokens, seed)
        self._denoiser("text_to_image", config, self._config.scenes.window, batches, seed, folder)

    def _denoiser(
        self, name: str, config: Denoiser, side: int, batches: Callable[[int], Any], seed: int, folder: Path
    ) -> None:
        from throng.diffusion_training import denoising, folders, networks

        cells = side // 2 ** (len(self._config.autoencoder.channels) - 1)
        filling = name == "inpainting"
        model = networks.Prompted(
            networks.denoiser(config, self._config.text, cells, seed, inpainting=filling),
            networks.text_encoder(self._config.text, self._tokenizer, seed),
        )
        history = denoising.fit(model, batches, config, **self._loop(name, config, seed))
        self._note(name, history, model)
        folders.save(
            folder, autoencoder=self._autoencoder, prompted=model, tokenizer=self._new_tokenizer(), inpainting=filling
        )

    def _loop(self, name: str, config: Optimisation, seed: int) -> dict[str, Any]:
        from throng.training import LoopOptions

        options = LoopOptions(
            steps=config.steps,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup_steps=config.warmup_steps,
            ema_decay=config.ema_decay,
            log_every=self._config.log_every,
            seed=seed % 2**31,
        )
        return {
            "work": self._work / name,
            "options": options,
            "device": self._config.device,
            "checkpoint_seconds": self._config.checkpoint_seconds,
            "title": name,
        }

    def _note(self, name: str, history: Sequence[Mapping[str, float]], model: Any) -> None:
        self.history += [{"network": name, **row} for row in history]
        self.last[name] = dict(history[-1])
        self.parameters[name] = sum(value.numel() for value in model.parameters())

    def _scale(self) -> None:
        """Make the latents' variance one, as denoising wants them, and have the folder say by which factor."""
        from throng.diffusion_training import autoencoding

        some = self._data.windows[: 16 * ENCODED_AT_ONCE]
        spread = float(autoencoding.encoded(self._autoencoder, some, ENCODED_AT_ONCE).std())
        self._autoencoder.register_to_config(scaling_factor=round(1 / spread, 4))

    def _filled(self) -> Any:
        from throng.diffusion_training import denoising

        data, factor = self._data, 2 ** (len(self._config.autoencoder.channels) - 1)
        # the pipeline shows the model the mask's nearest pixels and draws the masked image's latents
        holes = (data.holes[:, None, ::factor, ::factor] > 0).astype(np.float32)
        seed = _seed(self._context, "masked")
        masked = self._latents("masked", data.images, holes=data.holes, seed=seed)
        return denoising.Filled(self._latents("targets", data.targets), masked, holes)

    def _latents(self, name: str, images: np.ndarray, **how: Any) -> np.ndarray:
        """Return scaled latents, kept in the scratch folder: they take minutes."""
        from throng.diffusion_training import autoencoding

        kept = self._work / f"{name}.npy"
        if not kept.exists():
            log.info("train_demo_diffusion: encoding %d %s", len(images), name)
            found = autoencoding.encoded(self._autoencoder, images, ENCODED_AT_ONCE, **how)
            with atomic_path(kept) as temporary, temporary.open("wb") as handle:
                np.save(handle, found * np.float32(self._autoencoder.config.scaling_factor))
        return np.load(kept)

    def _new_tokenizer(self) -> Any:
        """Return the tokenizer as it is saved: one that was used remembers how it was asked to pad."""
        words = [*captions.words(), *self._config.text.words]
        return vocabulary.tokenizer(words, self._config.text.tokens, self._work / "vocabulary")

    def _tokens(self, captions_of: Sequence[str]) -> Any:
        found = self._tokenizer(
            list(captions_of),
            padding="max_length",
            max_length=self._tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        return found.input_ids
