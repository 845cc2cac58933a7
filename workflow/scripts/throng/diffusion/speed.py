"""What makes a loaded pipeline faster or smaller."""

import contextlib
from typing import Any

from throng.diffusion.encoding import one_by_one
from throng.diffusion.reuse import DeepReuse
from throng.errors import ThrongError
from throng.sections.pipelines import Pipeline

KERNELS = {
    "math": "MATH",
    "flash": "FLASH_ATTENTION",
    "efficient": "EFFICIENT_ATTENTION",
    "cudnn": "CUDNN_ATTENTION",
}


def denoiser(pipeline: Any) -> Any:
    """Return the network that is run at every step: a UNet, or a transformer."""
    return getattr(pipeline, "unet", None) or pipeline.transformer


def speed_up(pipeline: Any, config: Pipeline, section: str) -> DeepReuse | None:
    """Apply the settings to the pipeline's networks; returns the reuse of features, when there is one, to restart it.

    Raises ThrongError when the pipeline has no such thing.
    """
    import torch

    network, vae = denoiser(pipeline), pipeline.vae
    for wanted, name in ((config.vae_slicing, "slicing"), (config.vae_tiling, "tiling")):
        if wanted:
            if not hasattr(vae, f"enable_{name}"):
                raise ThrongError(f"{section}.vae_{name}: the model's {type(vae).__name__} has none; set it to false")
            getattr(vae, f"enable_{name}")()
    if config.channels_last:
        network.to(memory_format=torch.channels_last)
        vae.to(memory_format=torch.channels_last)
    for name in ("text_encoder", "text_encoder_2", "text_encoder_3"):
        encoder = getattr(pipeline, name, None)
        if encoder is not None:
            encoder.forward = one_by_one(encoder.forward, remember=config.cache_prompts)
    if config.compile:
        for compiled in (network, vae.encoder, vae.decoder):
            compiled.compile(dynamic=False)
    if config.reuse_interval == 1:
        return None
    return DeepReuse(getattr(pipeline, "unet", None), config.reuse_interval, section)


def attention(name: str) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which torch's scaled dot-product attention uses the named kernel."""
    if name == "auto":
        return contextlib.nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(getattr(SDPBackend, KERNELS[name]))
