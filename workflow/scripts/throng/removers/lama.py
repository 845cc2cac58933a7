"""Backend ``lama``: an inpainting network like LaMa (Suvorov et al. 2022) from an ONNX file, by ONNX Runtime.

The network sees a crop about each area at the photograph's own resolution, shrunk only where the area is larger than
the network. What is to be filled is blanked in the crop, so nothing of it can shine through.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.removers.protocol import Remover, Request
from throng.sections.base import output_slice
from throng.sections.remove import Lama

TYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
OPTIONS = ("image_input", "mask_input", "output", "fill", "input_max", "output_max", "size", "multiple", "context")


def make(config: Lama, model: Path | None) -> Remover:
    """Load the network and try it; raises ThrongError when it, or ONNX Runtime, is missing or not as the keys say."""
    if model is None or not model.is_file():
        raise ThrongError(
            f"remove.model: {model or config.model} not found; name the .onnx file of a network like LaMa"
        )
    remover = LamaRemover(config, model, _session(config, model))
    remover.try_out()
    return remover


def _session(config: Lama, model: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ThrongError("remove.backend is lama, but ONNX Runtime is missing: pip install onnxruntime") from error
    provider = "CUDAExecutionProvider" if config.device == "cuda" else "CPUExecutionProvider"
    if provider not in onnxruntime.get_available_providers():
        raise ThrongError("remove.device is cuda, but this ONNX Runtime has no CUDA: pip install onnxruntime-gpu")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = config.threads, 1
    settings.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model.as_posix(), settings, providers=[provider])
    except Exception as error:  # whatever a foreign file makes the library raise
        raise ThrongError(f"remove.model: {model} is no ONNX model that can be run: {_first_line(error)}") from error


@dataclasses.dataclass(frozen=True, eq=False)
class Crop:
    """A window of an image, (rows, columns), and which of its pixels, (h, w) bool, are filled from it."""

    window: tuple[slice, slice]
    own: np.ndarray


class LamaRemover:
    """Fills each area of a mask on a crop of its own."""

    recipes: tuple[str, ...] = ("chain", "sham")
    batch = 1
    random = False
    parallel = True

    def __init__(self, config: Lama, model: Path, session: Any) -> None:
        self.model: Mapping[str, str] | None = {"file": model.name, "sha256": sha256_file(model)}
        self.options: Mapping[str, Any] = {name: output_slice(getattr(config, name)) for name in OPTIONS}
        self._config, self._path, self._session = config, model, session
        self._types = self._check_names()

    def edit(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Fill every mask; nothing is random here, so the seeds have no effect."""
        return [self._fill(request) for request in requests]

    def try_out(self) -> None:
        """Run the network once on an empty crop; raises ThrongError when it does not fit the section."""
        side = self._config.size or self._config.multiple
        self._run(np.zeros((side, side, 3), np.uint8), np.ones((side, side), bool))

    def _check_names(self) -> dict[str, type[np.generic]]:
        inputs = {one.name: one.type for one in self._session.get_inputs()}
        outputs = [one.name for one in self._session.get_outputs()]
        wanted = {self._config.image_input, self._config.mask_input}
        if wanted != inputs.keys() or len(wanted) < 2 or self._config.output not in outputs:
            raise ThrongError(
                f"remove.model: {self._path} has the inputs {sorted(inputs)} and the outputs {outputs}; "
                f"set remove.image_input, mask_input and output to these"
            )
        if unknown := sorted(set(inputs.values()) - TYPES.keys()):
            raise ThrongError(f"remove.model: {self._path} takes {', '.join(unknown)}; known are {', '.join(TYPES)}")
        return {name: TYPES[kind] for name, kind in inputs.items()}

    def _fill(self, request: Request) -> np.ndarray:
        if request.mask is None:
            raise ValueError(f"recipe {request.recipe!r} has no mask to fill")
        edited = request.image.copy()
        for crop in self._crops(request.mask):
            filled = self._paint(request.image[crop.window], request.mask[crop.window])
            edited[crop.window][crop.own] = filled[crop.own]
        return edited

    def _crops(self, mask: np.ndarray) -> Iterator[Crop]:
        """Cut out every area; areas nearer to each other than the context are filled together."""
        reach = self._config.context // 2
        near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
        count, labels = cv2.connectedComponents(near, connectivity=8)
        for label in range(1, count):
            own = mask & (labels == label)
            rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
            high, wide = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
            sides = self._sides(high, wide)
            window = (
                _around(int(rows[0]), high, sides[0], mask.shape[0]),
                _around(int(columns[0]), wide, sides[1], mask.shape[1]),
            )
            yield Crop(window, own[window])

    def _sides(self, high: int, wide: int) -> tuple[int, int]:
        """Return the (height, width) of the window about an area: the network's own size where that is enough."""
        context = 2 * self._config.context
        if self._config.size is None:
            return high + context, wide + context
        side = max(self._config.size, high + context, wide + context)
        return side, side

    def _paint(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return a crop with its mask filled: padded to what the network takes, or shrunk where it is too large."""
        height, width = image.shape[:2]
        rows, columns = self._padded(height, width)
        border = (0, rows - height, 0, columns - width)
        padded = cv2.copyMakeBorder(image, *border, cv2.BORDER_REPLICATE)
        hidden = cv2.copyMakeBorder(mask.astype(np.uint8), *border, cv2.BORDER_REPLICATE).astype(bool)
        size = self._config.size
        if size is None or rows == size:
            return self._run(padded, hidden)[:height, :width]
        small = cv2.resize(padded, (size, size), interpolation=cv2.INTER_AREA)
        share = cv2.resize(hidden.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        filled = self._run(small, share > 0)
        return cv2.resize(filled, (columns, rows), interpolation=cv2.INTER_CUBIC)[:height, :width]

    def _padded(self, height: int, width: int) -> tuple[int, int]:
        multiple, size = self._config.multiple, self._config.size
        if size is None:
            return -(-height // multiple) * multiple, -(-width // multiple) * multiple
        side = max(size, height, width)
        return side, side

    def _run(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return the network's answer, (h, w, 3) uint8, to a crop of a size that it takes."""
        config = self._config
        shown = np.where(mask[..., None], 0, image).astype(np.float32) * (config.input_max / 255)
        hidden = mask if config.fill == 1 else ~mask
        feed = {
            config.image_input: shown.transpose(2, 0, 1)[None].astype(self._types[config.image_input]),
            config.mask_input: hidden[None, None].astype(self._types[config.mask_input]),
        }
        try:
            (answer,) = self._session.run([config.output], feed)
        except Exception as error:  # whatever a foreign network makes the library raise
            raise ThrongError(
                f"remove.model: {self._path} fails on an image of {image.shape[1]}x{image.shape[0]}, which "
                f"remove.size and remove.multiple promise to be right: {_first_line(error)}"
            ) from error
        if answer.shape != (1, 3, *mask.shape):
            raise ThrongError(
                f"remove.model: {self._path} answers with shape {answer.shape}, expected {(1, 3, *mask.shape)}; "
                f"is {config.output!r} the filled image?"
            )
        pixels = answer[0].transpose(1, 2, 0).astype(np.float32) * (255 / config.output_max)
        return np.clip(np.rint(np.nan_to_num(pixels)), 0, 255).astype(np.uint8)


def _around(begin: int, length: int, side: int, limit: int) -> slice:
    """Return an interval of ``side``, or all there is, about another one, moved to lie within 0..limit."""
    first = max(min(begin - (side - length) // 2, limit - side), 0)
    return slice(first, min(first + side, limit))


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
