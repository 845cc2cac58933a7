"""The commands around a trained counter: count photographs and videos, measure it on labelled ones, export it."""

import csv
import enum
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from throng.errors import ThrongError
from throng.files import write_bytes, write_text

if TYPE_CHECKING:
    from throng.counting.ensemble import Counted, Ensemble
    from throng.counting.photographs import Picture
    from throng.ranking.fitted_ensemble import FittedEnsemble

console = Console(soft_wrap=True, highlight=False)
beside = Console(stderr=True, soft_wrap=True, highlight=False)
# A photograph of 36 megapixels counted whole takes a stride-1 network some 20 GB.
WHOLE_PIXELS = 12_000_000


class SchemeName(enum.StrEnum):
    """How an image is cut for the network."""

    WHOLE = "whole"
    PATCHES = "patches"
    WINDOWS = "windows"


class SettingName(enum.StrEnum):
    """Which way the network is run."""

    EAGER = "eager"
    AUTO = "auto"
    FOLDED = "folded"
    CHANNELS_LAST = "channels-last"
    OPENVINO = "openvino"
    BF16 = "bf16"
    BF16_COMPILED = "bf16-compiled"


Model = Annotated[
    Path,
    typer.Option(
        "--model",
        "--weights",
        help="a counter.safetensors of train_counter or fit_counts, a folder with one, a folder of runs (their mean "
        "counts), or an exported .onnx",
    ),
]
Scheme = Annotated[
    SchemeName | None,
    typer.Option(
        help="whole: all of an image at once; patches: SANet's 3x3; windows: overlapping, blended, any size at bounded "
        "memory; when left out, whole up to 12 megapixels and windows above, which is said"
    ),
]
WindowSize = Annotated[int, typer.Option("--window", min=64, help="side of a window in the counter's pixels")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:0, ...; an .onnx file runs on the CPU")]
Setting = Annotated[
    SettingName, typer.Option(help="eager: as trained; auto: the fastest measured for this counter, which is said")
]


@dataclass(frozen=True)
class Line:
    """An image counted, or the reason why it is not: what is printed and written of it."""

    path: str
    count: float | None = None
    low: float | None = None
    high: float | None = None
    width: int | None = None
    height: int | None = None
    scheme: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Runner:
    """Counters on their device, and how they count pixels: to the scheme that cut them, and what was counted."""

    ensemble: "Ensemble | FittedEnsemble"
    look: "Callable[[Any], tuple[str, Counted]]"

    def count(self, picture: "Picture") -> "tuple[Line, Any, Counted | None]":
        """Return a picture's line, its pixels and what was counted; never raises for a bad picture."""
        try:
            pixels = self.pixels(picture)
            scheme, counted = self.look(pixels)
        except ThrongError as error:
            return Line(picture.name, reason=str(error)), None, None
        low, high = counted.interval or (None, None)
        height, width = counted.shape
        return Line(picture.name, counted.count, low, high, width, height, scheme), pixels, counted

    def pixels(self, picture: "Picture") -> Any:
        """Return a picture's pixels as the counters take them; raises ThrongError where it has none."""
        if picture.problem:
            raise ThrongError(picture.problem)
        if picture.frame is not None:
            return self.ensemble.as_taken(picture.frame)
        return self.ensemble.decode(picture.data or b"")


def _by_scheme(ensemble: "Ensemble", asked: SchemeName | None, window: int) -> "Callable[[Any], tuple[str, Counted]]":
    """Return how trained counters count: by the scheme asked for, or by the one that an image's size calls for."""
    from throng.counting.windows import Windows

    scale = ensemble.members[0].model.input_spec.image_scale

    def look(pixels: Any) -> "tuple[str, Counted]":
        large = pixels.shape[0] * pixels.shape[1] * scale**2 > WHOLE_PIXELS
        scheme = asked or (SchemeName.WINDOWS if large else SchemeName.WHOLE)
        windows = Windows(size=window) if scheme == "windows" else None
        return scheme.value, ensemble.count(pixels, scheme=scheme.value, windows=windows)

    return look


def count(
    paths: Annotated[list[Path], typer.Argument(help="images, folders of images (and below), videos")],
    model: Model,
    scheme: Scheme = None,
    window: WindowSize = 768,
    every: Annotated[int, typer.Option(min=1, help="of a video, count every so many-th frame")] = 25,
    overlay: Annotated[Path | None, typer.Option(help="folder for JPEGs of the images under their maps")] = None,
    maps: Annotated[Path | None, typer.Option(help="folder for the maps, .npy float32, with a .json each")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="write path, count, low, high, width, height")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="write the same, and reasons, as JSON")] = None,
    device: Device = "cpu",
    setting: Setting = SettingName.EAGER,
) -> None:
    """Count the people in photographs and video frames with a trained counter.

    What cannot be read is listed with its reason, the rest is counted, and the exit status is 1.
    """
    from throng.counting.photographs import find, number_of_pictures, pictures

    runner = _runner(model, scheme, window, device, setting)
    files = find(paths)
    total = sum(number_of_pictures(file, every) for file in files)
    used: set[str] = set()
    lines: list[Line] = []
    for picture in _progress((each for file in files for each in pictures(file, every)), total, "counting"):
        line, pixels, counted = runner.count(picture)
        lines.append(line)
        console.print(_text(line), markup=False)
        if counted is not None and (overlay or maps):
            name = _free_name(picture.name, used)
            if overlay:
                _write_overlay(overlay / f"{name}.jpg", pixels, counted)
            if maps:
                _write_map(maps / name, line, counted)
    if csv_file:
        _write_csv(csv_file, lines, ["path", "count", "low", "high", "width", "height"])
    if json_file:
        write_text(json_file, json.dumps([asdict(line) for line in lines], indent=1) + "\n")
    windowed = sum(line.scheme == "windows" for line in lines) if scheme is None else 0
    if windowed:
        beside.print(
            f"{windowed} larger than {WHOLE_PIXELS // 10**6} megapixels, counted by windows (--scheme windows)"
        )
    _finish(lines)


def measure(
    folder: Annotated[Path, typer.Argument(help="ShanghaiTech's layout, or a points.json with its images")],
    model: Model,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="write path, count, true, error, low, high")] = None,
    scheme: Scheme = None,
    window: WindowSize = 768,
    device: Device = "cpu",
    setting: Setting = SettingName.EAGER,
) -> None:
    """Count labelled photographs and print MAE, RMSE and MAPE against their head points.

    FOLDER holds images/ beside ground-truth/ (GT_<name>.mat), at any depth, or points.json: {"a.jpg": [[x, y], ...]}.
    """
    from throng.counting.photographs import pictures
    from throng.evaluation.metrics import count_metrics
    from throng.labelled import labelled_images

    truth = labelled_images(folder)
    runner = _runner(model, scheme, window, device, setting)
    lines = []
    for file in _progress(truth, len(truth), "measuring"):
        (picture,) = pictures(file, 1)
        lines.append(runner.count(picture)[0])
        if lines[-1].reason:
            console.print(_text(lines[-1]), markup=False)
    counted = [(line, true) for line, true in zip(lines, truth.values(), strict=True) if line.count is not None]
    if csv_file:
        errors = {line.path: {"true": true, "error": (line.count or 0) - true} for line, true in counted}
        _write_csv(csv_file, lines, ["path", "count", "true", "error", "low", "high"], errors)
    if not counted:
        raise ThrongError(f"{folder}: none of {len(lines)} images could be counted")
    figures = count_metrics([line.count or 0 for line, _ in counted], [true for _, true in counted])
    mape = "undefined" if figures["mape"] is None else f"{100 * figures['mape']:.1f} %"
    console.print(
        f"MAE {figures['mae']:.2f}, RMSE {figures['rmse']:.2f}, MAPE {mape} on {figures['images']} images, "
        f"{sum(true for _, true in counted)} people"
    )
    inside = [
        low <= true <= high for (line, true) in counted for low, high in [(line.low, line.high)] if low is not None
    ]
    if inside:
        console.print(
            f"the truth is inside the interval in {100 * sum(inside) / len(inside):.0f} % "
            f"(promised: {100 * (runner.ensemble.level or 0):.0f} %)"
        )
    _finish(lines)


def export_counter(
    model: Annotated[Path, typer.Option(help="a counter.safetensors, or a folder with one")],
    to: Annotated[Path, typer.Option(help="the file to write, .onnx")],
) -> None:
    """Write a trained counter as one ONNX file that takes images of any size."""
    from throng.counting.ensemble import load_ensemble
    from throng.counting.export import export_counter as export

    members = load_ensemble(model).members
    if len(members) > 1:
        raise ThrongError(
            f"{model}: holds {len(members)} runs, and a file holds one: name one, such as {members[0].path}"
        )
    (member,) = members
    if member.path.suffix.lower() == ".onnx":
        raise ThrongError(f"{model}: is exported already")
    export(member.model, to, member.recipe)
    spec = member.model.input_spec
    kind = "grey luma" if spec.channels == 1 else "RGB"
    first = f"; resize images by {spec.image_scale:g} first" if spec.image_scale != 1 else ""
    console.print(f"{to}: takes (B, {spec.channels}, H, W) float32 {kind} 0..255{first}; density's sum is the count")


def _runner(model: Path, scheme: SchemeName | None, window: int, device: str, setting: SettingName) -> Runner:
    """Load the counters and say what runs them, and what their user must know."""
    from throng.counting.ensemble import load_ensemble
    from throng.counting.fast import described, on_device
    from throng.ranking.fitted_ensemble import load_fitted_ensemble

    fitted = load_fitted_ensemble(model, device)
    if fitted is not None:
        return _fitted_runner(fitted, model, scheme, setting)
    asked = None if setting is SettingName.AUTO else setting.value
    ensemble = load_ensemble(model, lambda loaded: on_device(loaded, device, asked))
    onnx = [member.path for member in ensemble.members if member.path.suffix.lower() == ".onnx"]
    if onnx and (device != "cpu" or setting is not SettingName.EAGER):
        raise ThrongError(
            f"{onnx[0]}: an exported counter is run by ONNX Runtime on the CPU; leave out --device, --setting"
        )
    if setting is not SettingName.EAGER:
        beside.print(described(ensemble.members[0].model, device, asked), markup=False)
    if len(ensemble.members) > 1:
        beside.print(f"the mean of {len(ensemble.members)} runs: {', '.join(str(m.path) for m in ensemble.members)}")
    for sentence in ensemble.warnings((scheme or SchemeName.WHOLE).value):
        beside.print(f"warning: {sentence}", markup=False)
    return Runner(ensemble, _by_scheme(ensemble, scheme, window))


def _fitted_runner(ensemble: "FittedEnsemble", model: Path, scheme: SchemeName | None, setting: SettingName) -> Runner:
    """Say how counters of fit_counts cut photographs, and refuse what only trained counters can do."""
    if scheme is not None or setting is not SettingName.EAGER:
        raise ThrongError(
            f"{model}: a counter of fit_counts cuts photographs as it was fitted to and runs as it is; leave out "
            f"--scheme, --setting"
        )
    runs = len(ensemble.members)
    beside.print(f"fitted without labels, photographs cut by {ensemble.scheme}{f', {runs} runs' if runs > 1 else ''}")
    for sentence in ensemble.warnings():
        beside.print(f"warning: {sentence}", markup=False)
    return Runner(ensemble, lambda pixels: (ensemble.scheme, ensemble.count(pixels)))


def _progress(items: Iterable[Any], total: int, title: str) -> Iterator[Any]:
    """Yield items with a bar and the time left on a terminal's standard error, where there are several."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=beside, transient=True, disable=total < 2 or not beside.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        for item in items:
            yield item
            bar.advance(task)


def _text(line: Line) -> str:
    if line.count is None:
        return f"{line.path}: not counted: {line.reason}"
    around = "" if line.low is None else f" ({line.low:.1f} to {line.high:.1f})"
    return f"{line.path}: {line.count:.1f}{around}"


def _finish(lines: list[Line]) -> None:
    """Add up; ends with exit status 1 where something was not counted."""
    counts = [line.count for line in lines if line.count is not None]
    failed = len(lines) - len(counts)
    if len(lines) > 1 or failed:
        lost = f", {failed} failed" if failed else ""
        console.print(f"{len(counts)} counted{lost}, {sum(counts):.1f} people")
    if failed:
        raise typer.Exit(1)


def _free_name(path: str, used: set[str]) -> str:
    """Return a file name for a picture that no other of this call has: its own, numbered where two share it."""
    own = Path(path.replace("#", "-")).name
    stem = own if "#" in path else Path(own).stem
    name, number = stem, 1
    while name in used:
        number += 1
        name = f"{stem}-{number}"
    used.add(name)
    return name


def _write_overlay(path: Path, pixels: Any, counted: "Counted") -> None:
    from throng.counting.overlay import overlay
    from throng.images import encode_jpeg

    write_bytes(path, encode_jpeg(overlay(pixels, counted), 92))


def _write_map(path: Path, line: Line, counted: "Counted") -> None:
    import numpy as np

    data = io.BytesIO()
    np.save(data, counted.density)
    write_bytes(path.with_name(f"{path.name}.npy"), data.getvalue())
    about = {"stride": counted.stride, "image_scale": counted.image_scale, "unit": "people per cell"}
    write_text(path.with_name(f"{path.name}.json"), json.dumps(asdict(line) | about, indent=1, sort_keys=True) + "\n")


def _write_csv(
    path: Path, lines: list[Line], columns: list[str], more: dict[str, dict[str, Any]] | None = None
) -> None:
    """Write a row for each line that was counted."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for line in lines:
        if line.count is not None:
            row = asdict(line) | (more or {}).get(line.path, {})
            writer.writerow({key: f"{v:.4f}" if isinstance(v, float) else v for key, v in row.items()})
    write_text(path, text.getvalue())
