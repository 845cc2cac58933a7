"""Counters as ONNX files of any height and width, and such a file as a counter again."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from throng.counting.freezing import frozen
from throng.counting.inputs import InputSpec
from throng.counting.network import Counter
from throng.errors import ThrongError
from throng.files import write_bytes
from throng.weights import card_of

OPSET = 18
INPUT, OUTPUT = "image", "density"
METADATA = "throng.counter"
SCHEMA = 1


def export_counter(model: Counter, path: Path, recipe: Mapping[str, Any] | None = None) -> None:
    """Write a counter as one ONNX file (opset 18), atomically.

    Its input ``image`` is (B, 3, H, W) float32 RGB, or (B, 1, H, W) luma for a grey counter, 0..255, at any size;
    normalisation and padding are inside. Its output ``density`` is (B, 1, ceil(H / stride), ceil(W / stride)) float32
    people per cell, whose sum is the count. The caller resizes by ``image_scale`` first, where that is not 1. The
    metadata entry ``throng.counter`` is JSON: architecture, stride, multiple, channels, image_scale and, from
    ``recipe``, interval and the protocol. Gaussian layers become plain convolutions or shifts. Raises ThrongError when
    the file has another suffix.
    """
    if path.suffix.lower() != ".onnx":
        raise ThrongError(f"{path}: an exported counter's name ends in .onnx")
    import onnx

    whole = _Whole(frozen(model).cpu())
    example = torch.rand(1, model.input_spec.channels, 4 * model.multiple, 5 * model.multiple) * 255
    axes = {INPUT: {0: "batch", 2: "height", 3: "width"}, OUTPUT: {0: "batch", 2: "rows", 3: "columns"}}
    made = onnx.load_from_string(to_onnx(whole, example, INPUT, OUTPUT, axes))
    entry = made.metadata_props.add()
    entry.key, entry.value = METADATA, json.dumps(_card(model, recipe or {}), sort_keys=True)
    onnx.checker.check_model(made)
    write_bytes(path, made.SerializeToString(deterministic=True))


def to_onnx(
    module: nn.Module, example: torch.Tensor, source: str, sink: str, axes: Mapping[str, Mapping[int, str]]
) -> bytes:
    """Return ``module`` as an ONNX model's bytes, traced with one example; ``axes`` names the sizes that may differ."""
    data: Any = io.BytesIO()  # which the exporter takes although its signature does not say so
    with torch.no_grad(), _quiet():
        # The exporter of torch.export needs onnxscript; tracing needs nothing and keeps shapes dynamic here.
        torch.onnx.export(
            module,
            (example,),
            data,
            dynamo=False,
            opset_version=OPSET,
            input_names=[source],
            output_names=[sink],
            dynamic_axes={name: dict(sizes) for name, sizes in axes.items()},
        )
    return data.getvalue()


class _Whole(nn.Module):
    """Pixels 0..255 to density with every size computed in the graph, where :class:`Counter` computes it in Python."""

    def __init__(self, model: Counter) -> None:
        super().__init__()
        self.model = model
        self.spec = model.input_spec

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the density map."""
        model = self.model
        height, width = torch._shape_as_tensor(images)[2:].unbind()  # pyright: ignore[reportPrivateImportUsage]
        pixels = _repeated(_repeated(images, 2, height, model.multiple), 3, width, model.multiple)
        raw = model.network(self.spec.normalise(pixels))
        rows, columns = ((side + model.stride - 1) // model.stride for side in (height, width))
        raw = raw.index_select(2, _upto(rows)).index_select(3, _upto(columns))
        last = functional.softplus if model.last_activation == "softplus" else functional.relu
        return last(raw) / model.target_scale


def _upto(end: torch.Tensor) -> torch.Tensor:
    """Return 0 .. end - 1, of a size that the trace keeps open."""
    return torch.arange(end)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _repeated(images: torch.Tensor, axis: int, size: torch.Tensor, multiple: int) -> torch.Tensor:
    """Return images whose last row or column is repeated up to a multiple, two of them at least."""
    wanted = torch.clamp((size + multiple - 1) // multiple * multiple, min=2 * multiple)
    return images.index_select(axis, torch.minimum(_upto(wanted), size - 1))


def _card(model: Counter, recipe: Mapping[str, Any]) -> dict[str, Any]:
    known = ("interval", "counter", "run", "best_on_test", "validation_mae")
    return {
        "schema": SCHEMA,
        "architecture": model.architecture,
        "stride": model.stride,
        "multiple": model.multiple,
        "channels": model.input_spec.channels,
        "image_scale": model.input_spec.image_scale,
        "recipe": {key: recipe[key] for key in known if key in recipe}
        | {"options": {"val_scheme": recipe.get("options", {}).get("val_scheme", "whole")}},
    }


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Keep the exporter's remarks on tracing to itself: what it freezes is constant here by construction."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
    log.setLevel(before)


class OnnxNetwork(nn.Module):
    """An exported counter run by ONNX Runtime on the CPU: (B, C, H, W) pixels 0..255 to people per cell."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has an exception class for each way a file can be wrong
            raise ThrongError(f"{path} cannot be read as an ONNX model: {str(error).splitlines()[0]}") from error
        text = self.session.get_modelmeta().custom_metadata_map.get(METADATA)
        if text is None:
            raise ThrongError(f"{path} was not written by throng export-counter: its metadata has no {METADATA}")
        self.card = card_of(path, text, SCHEMA, "export")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the map."""
        pixels = np.ascontiguousarray(images.numpy(), np.float32)
        return torch.from_numpy(self.session.run([OUTPUT], {INPUT: pixels})[0])


def load_exported(path: Path) -> tuple[Counter, dict[str, Any]]:
    """Return the counter in a file of :func:`export_counter`, run by ONNX Runtime on the CPU, and its recipe.

    Raises ThrongError when the file is missing, no ONNX model, or not one of ours.
    """
    if not path.is_file():
        raise ThrongError(f"no exported counter at {path}: write one by throng export-counter, or correct the path")
    network = OnnxNetwork(path)
    card = network.card
    model = Counter(
        network,
        stride=card["stride"],
        multiple=card["multiple"],
        in_channels=card["channels"],
        target_scale=1.0,
        last_activation="relu",
        input_spec=InputSpec(channels=card["channels"], image_scale=card["image_scale"]),
    )
    model.architecture = card["architecture"]
    return model.eval(), card["recipe"]
