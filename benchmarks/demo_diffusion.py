"""What models/demo_diffusion does, on scenes that it never saw: removals against the true background, counts by prompt.

Removals: people are taken out of the demo's rendered scenes (seed 0) by stage remove, checked and audited by the
workflow's own stages, once with OpenCV (Telea) and once with the inpainting pipeline. Prompts: images are drawn for
every count and counted by the shipped detector, whose own error on windows of rendered scenes with known counts is
reported first. Nothing is timed. Run: python benchmarks/demo_diffusion.py [--sheets FOLDER]
"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import TypeAdapter

from throng import detectors
from throng.chunks import part_name
from throng.detectors.protocol import Photograph
from throng.diffusion_training import windows
from throng.images import ImageStore, decode, encode_png
from throng.manifest import OK, read_rows
from throng.render.archives import write_archives
from throng.render.scene import make_scene, render_frame
from throng.roots import RESULTS
from throng.sections.audit_pairs import AuditPairs
from throng.sections.base import output_slice
from throng.sections.detect import Detect
from throng.sections.detectors import Ultralytics
from throng.sections.ingest import Ingest
from throng.sections.rank_pairs import RankPairs
from throng.sections.remove import Remove
from throng.seeds import generator, sample_seed
from throng.stage import Context, Files
from throng.stages import audit_pairs, detect, ingest, rank_pairs, remove
from throng.tables import images as images_table
from throng.tables import removals
from throng.tables.images import ImageRow
from throng.tables.removals import RemovalRow

ROOT = Path(__file__).parents[1]
DETECTOR = ROOT / "models" / "rendered_people" / "detector.onnx"
PART = part_name(0, 1)
SEED = 0
CHECK = {"detectors": [{"backend": "ultralytics", "model": "detector.onnx"}]}
INPAINT = {"steps": 1, "guidance": 1.0, "size": 128, "context": 0.5, "upscale": 1.0, "batch": 4}
DRAW = {"steps": 25, "guidance": 3.0, "batch": 8}
PUBLISHED = {"1": 0.07, "5": 0.18, "10": 0.26, "15": 0.32, "20": 0.45, "40": 0.61}
TEXTS = (
    "a photograph of {} on a city street, seen from above head height, in bright sunshine",
    "a photograph of {} on a public square, seen from a high window, on an overcast day",
)
WORDS = (
    "no people", "one person", "two people", "three people", "four people", "five people", "six people",
    "seven people", "eight people",
)  # fmt: skip
SIDE, TALL = 64, (16.0, 30.0)
ENLARGEMENTS, CONFIDENCES = (2, 3, 4), (0.2, 0.3, 0.4, 0.5)
SEEN = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=ROOT / "models" / "demo_diffusion")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "demo_diffusion.json")
    parser.add_argument("--scenes", type=int, default=12, help="rendered images that people are removed from")
    parser.add_argument("--per-count", type=int, default=16, help="images drawn for every count")
    parser.add_argument("--sheets", type=Path, default=None, help="folder for contact sheets to look at")
    parser.add_argument("--only", choices=["removals", "prompts"], help="measure one part again and keep the other")
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if arguments.sheets is not None:
        arguments.sheets.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = json.loads(arguments.out.read_text()) if arguments.only and arguments.out.exists() else {}
    with tempfile.TemporaryDirectory() as name:
        folder, sheets = Path(name), arguments.sheets
        if arguments.only in (None, "removals"):
            report["removals"] = compare_removals(arguments.models / "inpaint", folder, arguments.scenes, sheets)
        if arguments.only in (None, "prompts"):
            report["prompts"] = count_prompts(arguments.models / "text_to_image", folder, arguments.per_count, sheets)
    arguments.out.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    print(json.dumps(report, indent=1, sort_keys=True))


def compare_removals(model: Path, folder: Path, scenes: int, sheets: Path | None) -> dict[str, Any]:
    """Return the figures of both removers on the same scenes, the same people and the same masks."""
    write_archives(
        folder / "scenes", seed=SEED, crowdhuman=0, shanghaitech=scenes, width=512, height=384, min_people=1,
        max_people=60, frames_per_scene=2,
    )  # fmt: skip
    sections = {
        "opencv": {"backend": "opencv", "check": CHECK},
        "diffusers-inpaint": {"backend": "diffusers-inpaint", "model": "inpaint", "check": CHECK, **INPAINT},
    }
    runs = {name: Removals(folder, name, section, model) for name, section in sections.items()}
    if sheets is not None:
        show_removals(runs, sheets)
    return {"settings": INPAINT, "scenes": scenes} | {name: run.figures() for name, run in runs.items()}


class Removals:
    """One remover's run through the stages ingest, detect, remove, rank_pairs and audit_pairs."""

    def __init__(self, folder: Path, name: str, section: dict[str, Any], model: Path) -> None:
        self.results, self._scenes = folder / name, folder / "scenes"
        archive = self._scenes / "shanghaitech.zip"
        sources = [
            {"name": "shanghaitech", "format": "shanghaitech", "root": str(archive), "part": "B", "official": False}
        ]
        terms = {"licence": "CC0-1.0", "redistributable": True}
        self._roots = {RESULTS: self.results} | {source["name"]: Path(source["root"]) for source in sources}
        images = self._run(ingest, Ingest.model_validate({"sources": [source | terms for source in sources]}), {},
                           images="images.parquet", summary="summary.json")["images"]  # fmt: skip
        detection = TypeAdapter(Detect).validate_python({"backend": "ultralytics", "chunks": 1})
        found = self._run(detect, detection, {"images": images, "model": DETECTOR}, table="found.parquet")["table"]
        given = {"images": images, "detections": found, "check_models": DETECTOR}
        if section["backend"] != "opencv":
            given["model"] = model
        removal = TypeAdapter(Remove).validate_python(section | {"chunks": 1})
        made = self._run(remove, removal, given, table="removals.parquet", pixels="removals.zip")
        pairs = self._run(rank_pairs, RankPairs(), {"images": images, "removals": made["table"]}, table="pairs.parquet")
        self.audited = self._run(
            audit_pairs, AuditPairs(photographs=1000),
            {"images": images, "detections": found, "removals": made["table"], "removed_pixels": made["pixels"],
             "ranked_pairs": pairs["table"], "truth": self._scenes / "truth.parquet"},
            audit="audit.parquet", edits="edits.parquet", figures="audit.json", page="audit.html",
        )  # fmt: skip
        self.images = {row.id: row for row in read_rows(images, images_table.TABLE, ImageRow)}
        self.rows = read_rows(made["table"], removals.TABLE, RemovalRow)

    def _run(self, stage: Any, config: Any, inputs: dict[str, Path], **outputs: str) -> dict[str, Path]:
        name = stage.__name__.rpartition(".")[2]
        paths = {key: self.results / name / file for key, file in outputs.items()}
        context = Context(name, SEED, 1, {"part": PART}, self._roots, {name: output_slice(config)}, "", {})
        stage.run(
            Files({key: [str(path)] for key, path in inputs.items()}),
            Files({key: [str(path)] for key, path in paths.items()}), config, context,
        )  # fmt: skip
        return paths

    def figures(self) -> dict[str, Any]:
        """Return what became of the edits, their distance to the true background, and the pairs' order."""
        audit = json.loads(self.audited["figures"].read_text())
        edits = [row for row in self.rows if row.recipe in (removals.CHAIN, removals.SHAM)]
        checked = [row for row in edits if row.residual is not None]
        reasons = sorted({row.reason.partition(":")[0] for row in edits if row.status != OK})
        return {
            "edits": len(edits),
            "kept": sum(row.status == OK for row in edits) / len(edits),
            "rejected": {kind: sum(row.reason.partition(":")[0] == kind for row in edits) for kind in reasons},
            "residual_per_checked_edit": float(np.mean([row.residual or 0 for row in checked])),
            "hallucinated_per_checked_edit": float(np.mean([row.hallucinated or 0 for row in checked])),
            "order": {key: audit["order"][key] for key in ("edited",)},
            "quality": audit["pixels"]["quality"],
            "texture": audit["pixels"]["texture"],
        }

    def pixels(self, row: RemovalRow) -> np.ndarray:
        """Return an edit's (H, W, 3) uint8 pixels."""
        return decode(ImageStore(self._roots).read_bytes(RESULTS, row.path))

    def photograph(self, key: str) -> np.ndarray:
        """Return a photograph's (H, W, 3) uint8 pixels."""
        return decode(ImageStore(self._roots).read_bytes(self.images[key].source, self.images[key].path))


def show_removals(runs: dict[str, Removals], sheets: Path) -> None:
    """Write photograph, OpenCV's and the model's edit side by side, for the last levels that both have."""
    by_place = [
        {(row.parent_id, row.level): row for row in run.rows if row.recipe == removals.CHAIN and row.path}
        for run in runs.values()
    ]
    both = sorted(by_place[0].keys() & by_place[1].keys())
    for number, place in enumerate(both[:: max(1, len(both) // 12)]):
        shown = [run.pixels(rows[place]) for run, rows in zip(runs.values(), by_place, strict=True)]
        sheet = np.concatenate([next(iter(runs.values())).photograph(place[0]), *shown], axis=1)
        (sheets / f"removal-{number:02d}.png").write_bytes(encode_png(sheet))


def count_prompts(model: Path, folder: Path, many: int, sheets: Path | None) -> dict[str, Any]:
    """Return the detector's error on real windows, and the drawn images' relative count error by requested count."""
    counter = Counter(folder / "scratch")
    known = real_windows(many)
    chosen = counter.calibrate([(count, image) for count in known for image in known[count][::2]])
    drawn = {count: draw(model, count, many) for count in range(len(WORDS))}
    if sheets is not None:
        for name, images in (("windows", known), ("drawn", drawn)):
            rows = [np.concatenate(list(images[count])[:16], axis=1) for count in images if len(images[count]) >= 16]
            (sheets / f"{name}.png").write_bytes(encode_png(cv2.resize(np.concatenate(rows), None, fx=2, fy=2)))
    return {
        "settings": DRAW,
        "texts": TEXTS,
        "counter": chosen,
        "windows": {str(count): counter.errors(count, known[count][1::2]) for count in known},
        "drawn": {str(count): counter.errors(count, drawn[count]) for count in drawn},
        "published": PUBLISHED,
    }


class Counter:
    """The shipped detector on small images, enlarged so that it sees people of the size it knows."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._loaded: dict[int, Any] = {}
        self._times, self._confidence = ENLARGEMENTS[0], CONFIDENCES[0]

    def calibrate(self, known: Sequence[tuple[int, np.ndarray]]) -> dict[str, float]:
        """Choose enlargement and confidence by the mean absolute error on images with known counts."""
        tried: dict[tuple[int, float], float] = {}
        for times in ENLARGEMENTS:
            scores = [self._scores(image, times) for _, image in known]
            for limit in CONFIDENCES:
                wrong = [abs((found >= limit).sum() - count) for (count, _), found in zip(known, scores, strict=True)]
                tried[times, limit] = float(np.mean(wrong))
        (self._times, self._confidence), error = min(tried.items(), key=lambda item: item[1])
        return {"enlargement": self._times, "confidence": self._confidence, "mae": error, "images": len(known)}

    def errors(self, count: int, images: Sequence[np.ndarray]) -> dict[str, float]:
        """Return the mean count found, and the mean absolute error over the count (over one where it is none)."""
        found = np.array([(self._scores(image, self._times) >= self._confidence).sum() for image in images])
        return {
            "images": len(found),
            "mean": float(found.mean()),
            "std": float(found.std()),
            "relative_error": float(np.abs(found - count).mean() / max(count, 1)),
            "bias": float((found - count).mean()),
        }

    def _scores(self, image: np.ndarray, times: int) -> np.ndarray:
        side = image.shape[0] * times
        if side not in self._loaded:
            section = Ultralytics(model=DETECTOR.name, confidence=SEEN, imgsz=side, batch=1)
            self._loaded[side] = detectors.load(section, DETECTOR, self._scratch)
        pixels = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
        blank = dict.fromkeys(ImageRow.__dataclass_fields__) | {"height": side, "width": side, "id": ""}
        (answer,) = self._loaded[side].detect([Photograph(ImageRow(**blank), pixels)])  # pyright: ignore[reportArgumentType]
        if answer.rejection:
            raise SystemExit(answer.rejection)
        return np.array([person["score"] for person in answer.people])


def real_windows(many: int) -> dict[int, list[np.ndarray]]:
    """Return rendered windows by count, from scenes of seed 0, as many of each count as there are found."""
    found: dict[int, list[np.ndarray]] = {count: [] for count in range(len(WORDS))}
    for number in range(40 * many):
        if all(len(some) >= many for some in found.values()):
            break
        rng = generator(SEED, "windows", str(number))
        frame = render_frame(make_scene(SEED, number, 512, 384), 0, int(rng.integers(4, 40)))
        for wanted in [count for count, some in found.items() if len(some) < many]:
            window = windows.choose(frame.people, wanted, frame.image.shape[:2], SIDE, TALL, rng)
            if int(windows.heads_inside(window, frame.people).sum()) == wanted:
                found[wanted].append(windows.cut(frame.image, window, SIDE))
    return found


def draw(model: Path, count: int, many: int) -> list[np.ndarray]:
    """Return images of a count as the pipeline draws them, each from a seed of its own, loaded as any model is."""
    import diffusers
    import torch

    library: Any = diffusers
    pipeline = library.AutoPipelineForText2Image.from_pretrained(model, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    drawn: list[np.ndarray] = []
    for start in range(0, many, DRAW["batch"]):
        numbers = range(start, min(start + DRAW["batch"], many))
        seeds = [sample_seed(SEED, "draw", f"{count}|{number}") for number in numbers]
        pixels = pipeline(
            [TEXTS[number % len(TEXTS)].format(WORDS[count]) for number in numbers],
            num_inference_steps=DRAW["steps"], guidance_scale=DRAW["guidance"], output_type="np",
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        ).images  # fmt: skip
        drawn += [np.rint(image * 255).astype(np.uint8) for image in pixels]
    return drawn


if __name__ == "__main__":
    main()
