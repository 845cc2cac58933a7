"""Counters by name, and their weights on disk: safetensors with JSON beside it, so loading executes nothing."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from throng.counting.inputs import InputSpec
from throng.counting.network import Counter, keyword_options
from throng.errors import ThrongError, first_line
from throng.files import write_bytes, write_text
from throng.weights import card_of, contents, load_into, well_formed

SCHEMA = 1
WEIGHTS_NAME = "weights.safetensors"
# family: its names. A family is a module of this room with a function of the same name, imported when it is asked for,
# so that editing one does not count as editing another. Its options are that function's keywords, or what the module's
# own function ``options`` says of a name.
FAMILIES = {
    "compact": ("compact",),
    "csrnet": ("csrnet",),
    "gaunet": ("gaunet-mcnn", "gaunet-csrnet", "gaunet-sanet", "gaunet-resnet50"),
    "mcnn": ("mcnn",),
    "resnet": ("resnet50",),
    "sanet": ("sanet-paper", "sanet-author", "sanet-keras"),
    "slim": ("slim",),
}
# Where a new network's weights come from says nothing about the network, and may be gone when it is loaded again.
STARTING_POINTS = {"weights"}


def build(name: str, in_channels: int = 3, **options: Any) -> Counter:
    """Return a new counter: (B, in_channels, H, W) to a density map (B, 1, ceil(H / stride), ceil(W / stride)).

    ``options`` are those of :func:`options_of`, such as ``init``, ``last_activation`` and ``target_scale``, or
    ``weights`` for a backbone. Raises ThrongError for a name, an option or a value that does not exist.
    """
    if in_channels not in (1, 3):
        raise ThrongError(f"a counter takes 1 (grey) or 3 (RGB) channels, not {in_channels!r}")
    known = options_of(name)
    if "weights" in options and "weights" not in known:
        fitting = ", ".join(other for names in FAMILIES.values() for other in names if "weights" in options_of(other))
        raise ThrongError(f"counter {name!r} has no ImageNet backbone to load: leave weights out, or choose {fitting}")
    if foreign := sorted(options.keys() - known):
        raise ThrongError(f"counter {name!r} has no option {', '.join(foreign)}; known: {', '.join(sorted(known))}")
    model: Counter = getattr(*_family(name))(name, in_channels, **options)
    lasting = {key: value for key, value in options.items() if key not in STARTING_POINTS}
    model.architecture = {"name": name, "in_channels": in_channels, "options": lasting}
    return model


def options_of(name: str) -> dict[str, Any]:
    """Return the options of a counter with their defaults; None leaves the choice to the layout that ``name`` names.

    Raises ThrongError when no counter is called so.
    """
    module, family = _family(name)
    choose = getattr(module, "options", None)
    return choose(name) if choose else keyword_options(getattr(module, family))


def _family(name: str) -> tuple[ModuleType, str]:
    for family, names in FAMILIES.items():
        if name in names:
            return importlib.import_module(f"throng.counting.{family}"), family
    known = ", ".join(name for names in FAMILIES.values() for name in names)
    raise ThrongError(f"no counter is called {name!r}; known: {known}")


def save_counter(path: Path, model: Counter, recipe: Mapping[str, Any]) -> None:
    """Write a counter atomically to ``path``: a file ending in .safetensors, or a folder that also gets counter.json.

    ``recipe`` is any JSON-able record of how it was trained. Both forms carry architecture, input and recipe in the
    file's own header; equal weights and recipe give equal bytes.
    """
    from safetensors.torch import save

    card = {
        "schema": SCHEMA,
        "architecture": model.architecture,
        "input": asdict(model.input_spec),
        "recipe": dict(recipe),
    }
    text = json.dumps(card, sort_keys=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    data = save(tensors, metadata={"throng.counter": text})
    if path.suffix == ".safetensors":
        write_bytes(path, data)
        return
    path.mkdir(parents=True, exist_ok=True)
    write_bytes(path / WEIGHTS_NAME, data)
    write_text(path / "counter.json", json.dumps(card, sort_keys=True, indent=2) + "\n")


def load_counter(path: Path) -> tuple[Counter, dict[str, Any]]:
    """Read what :func:`save_counter` wrote and return the counter, in evaluation mode on the CPU, and its recipe.

    Raises ThrongError when the file is missing, is no counter, or its tensors do not fit its architecture.
    """
    file = path / WEIGHTS_NAME if path.is_dir() else path
    if not file.exists():
        raise ThrongError(f"no counter at {path}: expected {file.name}; train one, or correct the path")
    metadata, tensors = contents(file, "counter")
    if "throng.counter" not in metadata:
        raise ThrongError(f"{file} holds weights of something else: its header has no throng counter")
    card = card_of(file, metadata["throng.counter"], SCHEMA, "counter")
    with well_formed(file):
        architecture, recipe = card["architecture"], card["recipe"]
        model = build(architecture["name"], architecture["in_channels"], **architecture["options"])
        model.input_spec = InputSpec(**card["input"])
    load_into(model, tensors, file)
    return model.eval(), recipe


def load_hdf5(model: Counter, path: Path) -> None:
    """Load published HDF5 tensors, named as PyTorch names them, into ``model``'s network.

    A name prefix that all tensors share is dropped. Such counters were fitted to unscaled maps and pixels
    0..255, which is what the model takes from here on. Raises ThrongError when names or shapes do not fit.
    """
    import h5py

    tensors: dict[str, torch.Tensor] = {}
    most = 2 * sum(tensor.nbytes for tensor in model.network.state_dict().values())

    def collect(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            if item.nbytes > most:  # a few bytes may stand for any number of equal values
                raise ThrongError(f"{path}: {name} takes {item.nbytes} bytes, more than all of this counter")
            tensors[name.replace("/", ".")] = torch.from_numpy(item[()])

    try:
        with h5py.File(path) as archive:
            archive.visititems(collect)
    except ThrongError:
        raise
    except Exception as error:  # whatever a damaged file makes the library raise
        raise ThrongError(f"{path} cannot be read as HDF5: {first_line(error)}") from error
    prefix = next(iter(tensors), "").split(".")[0] + "."
    if tensors and all(name.startswith(prefix) for name in tensors):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    load_into(model.network, tensors, path)
    model.target_scale = 1.0
    model.architecture["options"] = {**model.architecture["options"], "target_scale": 1.0}
    model.input_spec = InputSpec(channels=model.in_channels)
