"""What makes a loaded pipeline faster or smaller."""

import contextlib
from collections.abc import Callable
from typing import Any

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
    if config.cache_prompts:
        for name in ("text_encoder", "text_encoder_2", "text_encoder_3"):
            encoder = getattr(pipeline, name, None)
            if encoder is not None:
                encoder.forward = remembered(encoder.forward)
    if config.compile:
        for compiled in (network, vae.encoder, vae.decoder):
            compiled.compile(dynamic=False)
    if config.reuse_interval == 1:
        return None
    return DeepReuse(getattr(pipeline, "unet", None), config.reuse_interval, section)


def remembered(encode: Callable[..., Any]) -> Callable[..., Any]:
    """Return a text encoder's forward that answers the same tokens from memory."""
    import torch

    memory: dict[Any, Any] = {}

    def key(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return tuple(value.shape), value.cpu().numpy().tobytes()
        return repr(value)

    def run(*args: Any, **kwargs: Any) -> Any:
        asked = tuple(map(key, args)), tuple((name, key(value)) for name, value in sorted(kwargs.items()))
        if asked not in memory:
            memory[asked] = encode(*args, **kwargs)
        return memory[asked]

    return run


def attention(name: str) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which torch's scaled dot-product attention uses the named kernel."""
    if name == "auto":
        return contextlib.nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(getattr(SDPBackend, KERNELS[name]))
