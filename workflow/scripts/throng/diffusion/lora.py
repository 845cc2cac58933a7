"""LoRA weights added to a loaded pipeline's own, once: sampling is then as fast as without."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.diffusion.loading import reason
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.sections.pipelines import Lora

DOWN = (".lora_A.", ".lora.down.", ".lora_down.", "_lora.down.", ".lokr_w1")  # one key of each changed layer


def look_for(loras: Sequence[tuple[Lora, Path]], section: str) -> None:
    """Raise ThrongError when the library peft or a file is missing: before the pipeline is loaded, which takes long."""
    if not loras:
        return
    try:
        import peft  # noqa: F401
    except ImportError as error:
        raise ThrongError(f"{section}.loras: the library peft is missing ({error}): pip install peft") from error
    for number, (_, file) in enumerate(loras):
        if not file.is_file() or file.suffix != ".safetensors":
            wrong = "is not a .safetensors file" if file.exists() else "not found"
            raise ThrongError(f"{section}.loras[{number}]: {file} {wrong}; name the LoRA's .safetensors file")


def add(pipeline: Any, loras: Sequence[tuple[Lora, Path]], section: str) -> list[Mapping[str, Any]]:
    """Add the changes to the networks' weights, and return each file's name, sha256 and weight.

    Raises ThrongError when a file does not fit the model.
    """
    if not loras:
        return []
    for number, (_, file) in enumerate(loras):
        _load(pipeline, file, f"lora{number}", f"{section}.loras[{number}]")
    names = [f"lora{number}" for number in range(len(loras))]
    pipeline.set_adapters(names, [lora.weight for lora, _ in loras])
    pipeline.fuse_lora(adapter_names=names)
    pipeline.unload_lora_weights()
    return [{"file": file.name, "sha256": sha256_file(file), "weight": lora.weight} for lora, file in loras]


def _load(pipeline: Any, file: Path, name: str, section: str) -> None:
    kind = type(pipeline).__name__
    if not hasattr(pipeline, "load_lora_weights"):
        raise ThrongError(f"{section}: {file} cannot be put on a {kind}, which takes no LoRA; leave it out")
    where: dict[str, Any] = {"weight_name": file.name, "local_files_only": True}
    unet = getattr(pipeline, "unet", None)
    try:
        pipeline.load_lora_weights(str(file.parent), adapter_name=name, **where)
        found = pipeline.lora_state_dict(str(file.parent), **where, unet_config=unet and unet.config)
    except Exception as error:  # whatever a foreign file makes the library raise
        raise ThrongError(f"{section}: {file} does not fit the model, a {kind}: {reason(error)}") from error
    weights = found[0] if isinstance(found, tuple) else found
    wanted, changed = sum(any(down in key for down in DOWN) for key in weights), _changed(pipeline, name)
    if not changed or changed < wanted:
        raise ThrongError(
            f"{section}: {file} does not fit the model, a {kind}: it changes {wanted} layers, the model has {changed} "
            f"of them; it was made for another family"
        )


def _changed(pipeline: Any, name: str) -> int:
    """Return how many layers have changes of that name."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    networks = [part for part in pipeline.components.values() if hasattr(part, "modules")]
    layers = [layer for network in networks for layer in network.modules() if isinstance(layer, BaseTunerLayer)]
    return sum(
        any(name in getattr(layer, attribute, ()) for attribute in layer.adapter_layer_names) for layer in layers
    )
