"""Composed images per second on one core, by size and number of people; run: python benchmarks/composite.py.

Material is rendered: photographs with instance masks to cut people from, and the same places without anybody. A figure
is over whole prompts as the stage makes them: placing, painting, masks and JPEG. ``images_per_s`` is by the process's
own CPU time, so that a busy machine changes it little; ``wall_images_per_s`` is by the clock. The library and the
backgrounds are made before; people come again only where nobody fresh is large enough. Every image is checked first: as
many head points and visible boxes as people requested, and as many masks, which share no pixel, hold their heads and
fill their boxes.
"""

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from throng import rle  # noqa: E402
from throng.errors import ThrongError  # noqa: E402
from throng.images import ImageStore, encode_jpeg, encode_png, image_id  # noqa: E402
from throng.prompts import addressed_row  # noqa: E402
from throng.render.scene import make_scene, render_background, render_frame  # noqa: E402
from throng.sections.synthesize import Composite  # noqa: E402
from throng.seeds import sample_seed  # noqa: E402
from throng.synthesizers.composite import make  # noqa: E402
from throng.synthesizers.gathering import gather  # noqa: E402
from throng.synthesizers.protocol import Material, Scene, Synthesizer  # noqa: E402
from throng.tables.detections import Detection, DetectionRow  # noqa: E402
from throng.tables.images import ImageRow  # noqa: E402
from throng.tables.prompts import PromptRow  # noqa: E402
from throng.tables.removals import RemovalRow  # noqa: E402
from throng.workdir import Workdir  # noqa: E402

SIZES = ((512, 384), (1024, 768))
COUNTS = (0, 10, 50, 100, 300)
SCENES, PEOPLE, IMAGES, SEED, ROUNDS = 40, 40, 8, 5, 2
TARGET = (1024, 768, 100, 5.0)


def material(folder: Path, width: int, height: int) -> Material:
    """Return SCENES rendered photographs with PEOPLE people each, their masks and the places without them."""
    photographs, found, emptied = {}, {}, {}
    for index in range(SCENES):
        scene = make_scene(SEED, index, width, height)
        frame = render_frame(scene, 0, PEOPLE)
        data = encode_png(frame.image)
        name = image_id(data)
        (folder / f"{name}.png").write_bytes(data)
        (folder / f"{name}-empty.png").write_bytes(encode_png(render_background(scene, 0)))
        people: list[Detection] = []
        for person in np.flatnonzero(frame.people.visible_pixels):
            x, y, w, h = (float(value) for value in frame.people.visible_box[person])
            mask = rle.encode(frame.instances == person + 1, height=height, width=width)
            people.append(Detection(x=x, y=y, w=w, h=h, score=1.0, mask=mask))
        photographs[name] = ImageRow(
            name, "rendered", f"{name}.png", "", len(data), "png", width, height, 3, "train", scene.name, "CC0-1.0",
            True, None, None, None, "", "ok", "",
        )  # fmt: skip
        found[name] = DetectionRow(name, "rendered", people, "ok", "")
        emptied[name] = RemovalRow(
            id=name, parent_id=name, recipe="chain", level=1, base_id=name, removed=list(range(len(people))),
            removed_count=len(people), detected_count=len(people), areas=len(people), mask=None, seed=0, attempts=1,
            options="", count_before=None, count_after=None, residual=None, hallucinated=None, lost=None,
            path=f"{name}-empty.png", sha256="", width=width, height=height, backend="rendered", status="ok", reason="",
        )  # fmt: skip
    return Material(photographs, found, emptied, ImageStore({"rendered": folder, "results": folder}))


def possible(synthesizer: Synthesizer, count: int) -> tuple[list[PromptRow], int]:
    """Return IMAGES prompts that can be met, checked, and how many were refused on the way."""
    prompts: list[PromptRow] = []
    for repeat in range(10 * IMAGES):
        prompt = addressed_row(
            sample_seed(SEED, "benchmark", f"{count}-{repeat}"), count=count, density="", fewest=count, most=count,
            template="benchmark", viewpoint="", conditions="", wording="figures", repeat=repeat, text=f"{count} people",
            negative="",
        )  # fmt: skip
        (scene,) = synthesizer.synthesize([prompt])
        if isinstance(scene, str):
            continue
        check(scene, count)
        prompts.append(prompt)
        if len(prompts) == IMAGES:
            return prompts, repeat + 1 - IMAGES
    raise ThrongError(f"{count} people do not fit on enough of the {SCENES} rendered places")


def check(scene: Scene, count: int) -> None:
    """Raise ThrongError when a scene's count, points, boxes and masks do not say the same."""
    points, boxes, masks = scene.points or [], scene.boxes or [], scene.masks or []
    agree = scene.count == count == len(points) == len(boxes) == len(masks)
    height, width = scene.pixels.shape[:2]
    seen = np.zeros((height, width), bool)
    for point, box, mask in zip(points, boxes, masks, strict=True):
        mine = rle.decode(mask, height, width)
        rows, columns = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
        agree &= not (mine & seen).any() and bool(mine[round(point["y"]), round(point["x"])])
        agree &= (columns[0], rows[0]) == (box["x"], box["y"])
        agree &= (np.ptp(columns) + 1, np.ptp(rows) + 1) == (box["w"], box["h"])
        seen |= mine
    if not agree:
        raise ThrongError(f"{count} people requested, the labels disagree")


def measure(synthesizer: Synthesizer, prompts: list[PromptRow]) -> tuple[float, float]:
    """Return images per second by CPU time and by the clock, the best of ROUNDS."""
    best = []
    for _ in range(ROUNDS):
        cpu, wall = time.process_time(), time.perf_counter()
        for prompt in prompts:
            for scene in synthesizer.synthesize([prompt]):
                if isinstance(scene, Scene):
                    encode_jpeg(scene.pixels, 92)
        best.append((len(prompts) / (time.process_time() - cpu), len(prompts) / (time.perf_counter() - wall)))
    return max(cpu for cpu, _ in best), max(wall for _, wall in best)


def main() -> None:
    cv2.setNumThreads(1)
    rows = []
    print(f"{'size':>10} {'people':>7} {'images/s (cpu)':>15} {'(clock)':>8} {'refused':>8}")
    for width, height in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            town = material(Path(folder), width, height)
            start = time.process_time()
            config = Composite(name="composite", repeat_cutouts=True)
            synthesizer = make(config, gather(town, config.gathering, Workdir(Path(folder) / "work"), 1))
            library_s = time.process_time() - start
            for count in COUNTS:
                prompts, refused = possible(synthesizer, count)
                cpu, wall = measure(synthesizer, prompts)
                rows.append(
                    {"width": width, "height": height, "people": count, "images_per_s": cpu, "wall_images_per_s": wall,
                     "refused": refused, "library_s": library_s}
                )  # fmt: skip
                print(f"{width}x{height:<5} {count:>7} {cpu:>15.1f} {wall:>8.1f} {refused:>8}", flush=True)
    reached = next(row for row in rows if (row["width"], row["height"], row["people"]) == TARGET[:3])
    print(f"target {TARGET[3]:g} images/s at {TARGET[0]}x{TARGET[1]} with {TARGET[2]}: {reached['images_per_s']:.1f}")
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, one used"
    report = {"images": IMAGES, "scenes": SCENES, "machine": machine, "python": platform.python_version(), "rows": rows}
    target = ROOT / "benchmarks" / "results" / "composite.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
