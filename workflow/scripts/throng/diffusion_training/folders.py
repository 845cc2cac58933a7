"""Pipelines as folders that anybody's diffusers loads, in half precision, the same bytes every time."""

import copy
import shutil
from pathlib import Path
from typing import Any

from throng.diffusion_training import networks


def save(folder: Path, *, autoencoder: Any, prompted: networks.Prompted, tokenizer: Any, inpainting: bool) -> None:
    """Write a StableDiffusionPipeline, or its inpainting sibling, to a folder, replacing what was there."""
    import diffusers

    library: Any = diffusers
    kind = library.StableDiffusionInpaintPipeline if inpainting else library.StableDiffusionPipeline
    pipeline = kind(
        vae=_halved(autoencoder),
        text_encoder=_halved(prompted.text_encoder),
        tokenizer=tokenizer,
        unet=_halved(prompted.denoiser),
        scheduler=networks.scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    pipeline.save_pretrained(temporary, safe_serialization=True)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def _halved(network: Any) -> Any:
    return copy.deepcopy(network).cpu().half()
