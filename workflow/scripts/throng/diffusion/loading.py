"""From a folder to a pipeline that is ready to sample; whatever is wrong with it becomes one sentence."""

import inspect
import logging
from pathlib import Path
from typing import Any

from throng.diffusion import folder as folders
from throng.diffusion.device import claimed
from throng.errors import ThrongError
from throng.sections.pipelines import Pipeline, UnderControl

log = logging.getLogger(__name__)
INPAINTING, RENDERING, DRAWING = (
    "AutoPipelineForInpainting",
    "AutoPipelineForImage2Image",
    "AutoPipelineForText2Image",
)
WANTED = {
    INPAINTING: "fill masks (an inpainting pipeline)",
    RENDERING: "render images again (image to image)",
    DRAWING: "draw images from text",
}
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "dpm++2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    "dpm++2m-karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    ),
    "unipc": ("UniPCMultistepScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "flow-euler": ("FlowMatchEulerDiscreteScheduler", {}),
}


def libraries(section: str) -> tuple[Any, Any]:
    """Return torch and diffusers, silenced; raises ThrongError when one is missing."""
    try:
        import diffusers
        import torch
        import transformers
    except ImportError as error:
        raise ThrongError(
            f"{section}.backend runs a diffusers pipeline, but a library is missing ({error}): "
            f"pip install torch diffusers transformers accelerate"
        ) from error
    for library in (diffusers, transformers):  # they repeat the same advice at every batch
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()
    return torch, diffusers


def load(config: Pipeline, folder: Path, task: str, section: str, **components: Any) -> Any:
    """Return the folder's pipeline for a task, on its device, with the configured scheduler.

    ``task`` is INPAINTING, RENDERING or DRAWING; ``section`` is what the user calls the configuration; ``components``
    are added to the folder's, as a ControlNet. Raises ThrongError when a library is missing, the folder holds another
    kind of model or one that cannot be read, or the device is not there.
    """
    torch, diffusers = libraries(section)
    device = claimed(config.device, section)
    dropped = {} if config.safety_checker else _without_checker(diffusers, folder)
    try:
        pipeline = _class(diffusers, folder, task).from_pretrained(
            folder,
            dtype=getattr(torch, config.dtype),
            variant=config.variant,
            local_files_only=True,
            **dropped,
            **components,
        )
        pipeline.to(device)
    except ThrongError:
        raise
    except Exception as error:  # whatever a foreign folder makes the library raise
        raise unusable(folder, task, error, section) from error
    if config.safety_checker and getattr(pipeline, "safety_checker", None) is None:
        log.info("%s.model: %s has no safety checker of its own: content goes unchecked", section, folder.name)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = scheduler(pipeline.scheduler, config, section)
    _leave_nothing_to_chance(getattr(pipeline, "vae", None))
    return pipeline


def controlnet(config: Pipeline, control: UnderControl, folder: Path, section: str) -> Any:
    """Return the ControlNet of a folder, of whatever class its configuration names.

    Raises ThrongError when it holds anything else.
    """
    torch, diffusers = libraries(section)
    kind = folders.component_class(folder, section)
    if "ControlNet" not in kind or not hasattr(diffusers, kind):
        raise ThrongError(f"{section}.model: {folder} is a {kind}, not a ControlNet")
    try:
        return getattr(diffusers, kind).from_pretrained(
            folder, dtype=getattr(torch, config.dtype), variant=control.variant, local_files_only=True
        )
    except Exception as error:  # whatever a foreign folder makes the library raise
        raise ThrongError(f"{section}.model: {folder}, a {kind}, cannot be loaded: {reason(error)}") from error


def sibling(pipeline: Any, task: str, folder: Path, section: str) -> Any:
    """Return the pipeline for another task that shares a loaded one's components."""
    _, diffusers = libraries(section)
    try:
        other = getattr(diffusers, task).from_pipe(pipeline)
    except ValueError as error:
        raise unusable(folder, task, error, section) from error
    other.set_progress_bar_config(disable=True)
    return other


def unusable(folder: Path, task: str, error: Exception, section: str) -> ThrongError:
    """Return the one sentence for a model that loads as, or runs as, something else."""
    kind = folders.index(folder)["_class_name"]
    return ThrongError(f"{section}.model: {folder}, a {kind}, cannot {WANTED[task]}: {reason(error)}")


def reason(error: Exception) -> str:
    """Return an error's message in one line: its first, with the next where that only announces it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])


def scheduler(original: Any, config: Pipeline, section: str) -> Any:
    """Return the configured scheduler, made from the configuration of the model's own.

    Raises ThrongError when an option is none of the scheduler's, or the two sample along different paths.
    """
    if config.scheduler is None and not config.scheduler_options:
        return original
    _, diffusers = libraries(section)
    name, preset = SCHEDULERS[config.scheduler] if config.scheduler else (type(original).__name__, {})
    kind = getattr(diffusers, name)
    known = sorted(inspect.signature(kind.__init__).parameters.keys() - {"self"})
    if unknown := sorted(config.scheduler_options.keys() - set(known)):
        raise ThrongError(f"{section}.scheduler_options: {name} has no {', '.join(unknown)}; it has {', '.join(known)}")
    changes = preset | config.scheduler_options
    if _flows(name, changes) != _flows(type(original).__name__, original.config):
        raise ThrongError(
            f"{section}.scheduler: {config.scheduler or name} does not fit the model, which was trained for "
            f"{type(original).__name__}; flow matching models take flow-euler, all others anything else"
        )
    try:
        return kind.from_config(original.config, **changes)
    except Exception as error:
        raise ThrongError(f"{section}.scheduler_options: {name} refuses them: {error}") from error


def _flows(name: str, options: Any) -> bool:
    return "FlowMatch" in name or bool(options.get("use_flow_sigmas"))


def _class(diffusers: Any, folder: Path, task: str) -> Any:
    """Return what loads the folder: its own class where that fills masks, as FluxFillPipeline, else the automatic."""
    own = getattr(diffusers, folders.index(folder)["_class_name"], None)
    fills = own is not None and "mask_image" in inspect.signature(own.__call__).parameters
    return own if fills and task == INPAINTING else getattr(diffusers, task)


def _without_checker(diffusers: Any, folder: Path) -> dict[str, Any]:
    own = getattr(diffusers, folders.index(folder)["_class_name"], None)
    if own is None or "safety_checker" not in inspect.signature(own.__init__).parameters:
        return {}
    return {"safety_checker": None, "requires_safety_checker": False}


def _leave_nothing_to_chance(vae: Any) -> None:
    """Take the likeliest latents of a picture wherever a pipeline would draw them from no generator of ours.

    StableDiffusion3ControlNetPipeline draws its condition's latents from torch's global one.
    """
    if vae is None:
        return
    encode = vae.encode

    def run(*args: Any, **kwargs: Any) -> Any:
        output = encode(*args, **kwargs)
        drawn = getattr(output, "latent_dist", None)
        if drawn is not None:
            sample = drawn.sample
            drawn.sample = lambda generator=None: drawn.mode() if generator is None else sample(generator)
        return output

    vae.encode = run


def unread(pipeline: Any, text: str) -> str:
    """Return what a model cannot read of a text, in words; empty where it reads all of it, as one with T5 does."""
    tokenizers = [getattr(pipeline, name, None) for name in ("tokenizer", "tokenizer_2", "tokenizer_3")]
    if tokenizers[0] is None or any("T5" in type(tokenizer).__name__ for tokenizer in tokenizers):
        return ""
    tokens, most = len(tokenizers[0](text).input_ids), tokenizers[0].model_max_length
    return f"{tokens} tokens, the model's text encoder reads the first {most}" if tokens > most else ""
