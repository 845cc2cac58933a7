"""Detection per second: which runtime on a CPU; precision, batch and decoding ahead on a GPU.

    python benchmarks/detect.py [--model yolo11n] [--images 16] [--rounds 7] [--threads 1] [--out benchmarks/results]
    python benchmarks/detect.py --device cuda [--model yolo11m] [--images 512]

Both go through throng's detect backend with a model of random weights, built from ultralytics' definition, on drawn
JPEGs of 768x768. CPU: the same model as a checkpoint (torch, eager), as .onnx and as OpenVINO, in turn in one process
after their boxes are compared; CPU time, as other programs disturb it less than the clock's. GPU: batches of images
from the disk through the stage's own loop, settings on and off, in turn. Medians and ratios go to standard output and
to detect_cpu.json or detect_<device>.json.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng import detectors
from throng.detectors.exporting import to_openvino
from throng.detectors.library import import_yolo
from throng.detectors.protocol import Found, Photograph
from throng.evaluation.detection import box_iou
from throng.files import sha256_file
from throng.images import decode, encode_jpeg
from throng.sections.detectors import Slices, Ultralytics
from throng.stage import Context
from throng.stages.detect import Ahead, make_batches
from throng.tables.images import ImageRow

RESULTS = Path(__file__).parent / "results"
HEIGHT, WIDTH = 768, 768  # square, so that a checkpoint and a fixed export see the same pixels
IMGSZ = 640
CLASSES = [str(number) for number in range(80)]  # all that a definition's model has, so that there are boxes enough
ALIKE, SHARE = 0.95, 0.99  # so many of the checkpoint's boxes must have one so alike
Way = Callable[[], list[Found]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:0, ...")
    parser.add_argument("--model", default="yolo11n", help="a definition of ultralytics, without .yaml")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1, help="of the network on a CPU, of the decoders on a GPU")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    if options.device == "cpu":  # ONNX Runtime heeds nothing else
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        checkpoint = random_model(options.model, options.device, work)
        rows = write_images(work / "images", options.images)
        if options.device == "cpu":
            figures, place = on_cpu(checkpoint, rows, work, options.rounds), "cpu"
            figures["machine"] = platform.processor() or platform.machine()
            figures["OpenVINO computes in"] = capabilities()
        else:
            import torch

            figures = on_gpu(checkpoint, rows, work, options)
            place = torch.cuda.get_device_name(options.device).replace(" ", "_").lower()
            figures["device"] = torch.cuda.get_device_name(options.device)
    figures |= {"model": options.model, "images": options.images, "threads": options.threads}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"detect_{place}.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def random_model(definition: str, device: str, work: Path) -> Path:
    """Save a model of random weights whose running statistics fit images, so that its scores spread."""
    yolo = import_yolo(work / "library")
    import torch

    torch.manual_seed(0)
    built = yolo(f"{definition}.yaml")
    network = built.model.to(device).train()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # the plain mean over what follows
    with torch.no_grad():
        for score in network.model[-1].cv3:
            score[-1].bias.zero_()
        for seed in range(4):
            pictures = np.stack([drawn(16 * seed + index, IMGSZ, IMGSZ) for index in range(2)])
            network(torch.from_numpy(pictures).to(device).permute(0, 3, 1, 2).float() / 255)
    path = work / f"{definition}.pt"
    built.model.cpu().eval()
    built.save(path)
    return path


def drawn(seed: int, height: int, width: int) -> np.ndarray:
    """Return (height, width, 3) uint8 noise of every scale, like a photograph's spectrum."""
    random = np.random.default_rng(seed)
    image = np.full((height, width, 3), 128.0)
    for scale in (2, 8, 32, 128):
        cells = (height // scale + 1, width // scale + 1, 3)
        noise = random.normal(0, 6 * scale**0.4, cells).astype(np.float32)
        image += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return image.clip(0, 255).astype(np.uint8)


def write_images(folder: Path, count: int) -> list[ImageRow]:
    folder.mkdir()
    rows = []
    labels: dict[str, Any] = dict.fromkeys(("count", "points", "people")) | {
        "erratum": "",
        "status": "ok",
        "reason": "",
    }
    for number in range(count):
        data = encode_jpeg(drawn(number, HEIGHT, WIDTH), 90)
        (folder / f"{number:05d}.jpg").write_bytes(data)
        facts: dict[str, Any] = {
            "id": f"{number:016x}",
            "source": "drawn",
            "path": f"{number:05d}.jpg",
            "sha256": "",
            "bytes": len(data),
            "format": "jpeg",
            "width": WIDTH,
            "height": HEIGHT,
            "channels": 3,
            "split": "train",
            "scene": "",
            "licence": "CC0-1.0",
            "redistributable": True,
        }
        rows.append(ImageRow(**facts, **labels))
    return rows


def on_cpu(checkpoint: Path, rows: list[ImageRow], work: Path, rounds: int) -> dict[str, Any]:
    yolo = import_yolo(work / "library")
    onnx_file = Path(yolo(checkpoint).export(format="onnx", imgsz=IMGSZ, verbose=False))
    openvino_folder = to_openvino(onnx_file, work / "random_openvino_model")
    images = [decode((work / "images" / row.path).read_bytes()) for row in rows]
    confidence = spread(checkpoint, rows[0], images[0], work)
    models = {
        "torch eager (.pt)": (checkpoint, "native"),
        "ONNX Runtime (.onnx)": (onnx_file, "native"),
        "OpenVINO float32": (openvino_folder, "float32"),
        "OpenVINO native": (openvino_folder, "native"),
    }
    ways: dict[str, Way] = {}
    for name, (model, precision) in models.items():
        config = Ultralytics(
            model=str(model),
            trusted=trust(model),
            imgsz=IMGSZ,
            classes=CLASSES,
            precision=precision,
            confidence=confidence,
            batch=1,
        )
        detector = detectors.load(config, model, work / "library")
        ways[name] = lambda d=detector: [
            d.detect([Photograph(row, image)])[0] for row, image in zip(rows, images, strict=True)
        ]
    answers = {name: way() for name, way in ways.items()}
    figures: dict[str, Any] = {}
    for name, found in answers.items():
        share = agreement(answers["torch eager (.pt)"], found)
        figures[name] = {"boxes as the checkpoint's": round(share, 4), "boxes": sum(len(one.people) for one in found)}
        # bf16 is coarser by design, and random weights put every score near the threshold
        if share < SHARE and name != "OpenVINO native":
            raise SystemExit(f"{name}: only {share:.1%} of the boxes agree, so the times mean nothing")
    seconds = alternate(ways, rounds, time.process_time)
    return figures | report(figures, seconds, "torch eager (.pt)", len(rows), "CPU ms per image")


def capabilities() -> list[str]:
    """Return the number formats that OpenVINO uses on this processor; without BF16 its native precision is float32."""
    import openvino

    return sorted(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def spread(checkpoint: Path, row: ImageRow, image: np.ndarray, work: Path) -> float:
    """Return a confidence that some hundred boxes of an image exceed, in a gap between two scores."""
    config = Ultralytics(
        model=str(checkpoint),
        trusted=trust(checkpoint),
        imgsz=IMGSZ,
        classes=CLASSES,
        confidence=1e-6,
        batch=1,
        max_det=10**6,
    )
    (found,) = detectors.load(config, checkpoint, work / "library").detect([Photograph(row, image)])
    return float(np.sort([person["score"] for person in found.people])[::-1][min(100, len(found.people) - 1)])


def trust(model: Path) -> str | None:
    """Return the sha256 that lets a checkpoint made here be loaded; an export needs none."""
    return sha256_file(model) if model.suffix == ".pt" else None


def agreement(expected: list[Found], found: list[Found]) -> float:
    """Return the share of the expected boxes that have one so alike among those found."""
    met = total = 0
    for one, other in zip(expected, found, strict=True):
        a, b = (np.array([[p["x"], p["y"], p["w"], p["h"]] for p in answer.people]) for answer in (one, other))
        total += len(a)
        met += int((box_iou(a, b).max(axis=1, initial=0) >= ALIKE).sum())
    if not total:
        raise SystemExit("the random model found nobody, so agreement means nothing")
    return met / total


def on_gpu(checkpoint: Path, rows: list[ImageRow], work: Path, options: argparse.Namespace) -> dict[str, Any]:
    roots = {"drawn": work / "images", "results": work / "results"}
    context = Context("detect", 0, options.threads, {}, roots, {}, "", {})
    settings: dict[str, tuple[dict[str, Any], bool]] = {
        "float32, batch 1, decoded in turn": ({"batch": 1}, False),
        "float32, batch 1, decoded ahead": ({"batch": 1}, True),
        "float32, batch 32, decoded ahead": ({"batch": 32}, True),
        "float16, batch 32, decoded in turn": ({"batch": 32, "precision": "float16"}, False),
        "float16, batch 32, decoded ahead": ({"batch": 32, "precision": "float16"}, True),
        "float16, tiles of 320, decoded ahead": (
            {"batch": 32, "precision": "float16", "slices": Slices(tile=320)},
            True,
        ),
    }
    confidence = spread(checkpoint, rows[0], decode((work / "images" / rows[0].path).read_bytes()), work)
    ways: dict[str, Callable[[], Any]] = {}
    for name, (more, ahead) in settings.items():
        config = Ultralytics(
            model=str(checkpoint),
            trusted=trust(checkpoint),
            imgsz=IMGSZ,
            classes=CLASSES,
            confidence=confidence,
            device=options.device,
            **more,
        )
        detector = detectors.load(config, checkpoint, work / "library")
        batches = make_batches(rows, detector.batch)
        ways[name] = lambda d=detector, b=batches, a=ahead: through_stage(d, b, a, context)
        ways[name]()
    seconds = alternate(ways, options.rounds, time.perf_counter)
    return report({}, seconds, "float32, batch 1, decoded in turn", len(rows), "ms per image")


def through_stage(detector: Any, batches: dict[str, list[ImageRow]], ahead: bool, context: Context) -> None:
    """Decode and detect every batch as the stage does; not ``ahead``: a batch is decoded when the last one is done."""
    for group in [batches] if ahead else [{key: rows} for key, rows in batches.items()]:
        with Ahead(detector, "ultralytics", group, context) as loop:
            for key in group:
                loop.make(key)


def alternate(ways: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = clock()
            way()
            seconds[name].append(clock() - started)
    return seconds


def report(
    figures: dict[str, Any], seconds: dict[str, list[float]], peer: str, images: int, unit: str
) -> dict[str, Any]:
    """Print and return medians, and by paired rounds how many times faster than the peer each way is."""
    for name, values in seconds.items():
        ratios = [other / value for value, other in zip(values, seconds[peer], strict=True)]
        line = figures.setdefault(name, {})
        line[unit] = round(1e3 * statistics.median(values) / images, 2)
        line["times faster"] = round(statistics.median(ratios), 2)
        line["times faster, least"] = round(min(ratios), 2)
        line["times faster, most"] = round(max(ratios), 2)
        print(f"  {name:40s} {line}", flush=True)
    return figures


if __name__ == "__main__":
    main()
