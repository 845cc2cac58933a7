"""Composed images per second on one core, by size and number of people; run: python benchmarks/composite.py.

Material is rendered: photographs with instance masks to cut people from, and the same places without anybody. A figure
is over whole prompts as the stage makes them: placing, painting and JPEG. ``images_per_s`` is by the process's own CPU
time, so that a busy machine does not change it; ``wall_images_per_s`` is by the clock. The library and the backgrounds
are made before. Every image is checked first: as many head points, visible boxes and people as requested.
"""

import json
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
from throng.prompts import prompt_row  # noqa: E402
from throng.render.scene import make_scene, render_background, render_frame  # noqa: E402
from throng.sections.synthesize import Composite  # noqa: E402
from throng.synthesizers.composite import make  # noqa: E402
from throng.synthesizers.protocol import Material, RefusedPromptError, Synthesizer  # noqa: E402
from throng.tables.detections import Detection, DetectionRow  # noqa: E402
from throng.tables.images import ImageRow  # noqa: E402
from throng.tables.prompts import PromptRow  # noqa: E402
from throng.tables.removals import RemovalRow  # noqa: E402

SIZES = ((512, 384), (1024, 768))
COUNTS = (0, 10, 50, 100, 300)
SCENES, PEOPLE, IMAGES, SEED, ROUNDS = 40, 40, 12, 5, 3
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
            name, name, 1, list(range(len(people))), len(people), len(people), f"{name}-empty.png", "", width, height,
            "rendered", "ok", "",
        )  # fmt: skip
    return Material(photographs, found, emptied, ImageStore({"rendered": folder, "results": folder}))


def possible(synthesizer: Synthesizer, count: int) -> tuple[list[PromptRow], int]:
    """Return IMAGES prompts that can be met, checked, and how many were refused on the way."""
    prompts: list[PromptRow] = []
    for repeat in range(10 * IMAGES):
        prompt = prompt_row(SEED, "{count} people", count, repeat, 0.0)
        try:
            scene = synthesizer.synthesize(prompt)
        except RefusedPromptError:
            continue
        if not scene.count == len(scene.points or []) == len(scene.boxes or []) == count:
            raise ThrongError(f"{count} people requested, the labels disagree")
        prompts.append(prompt)
        if len(prompts) == IMAGES:
            return prompts, repeat + 1 - IMAGES
    raise ThrongError(f"{count} people do not fit on enough of the {SCENES} rendered places")


def measure(synthesizer: Synthesizer, prompts: list[PromptRow]) -> tuple[float, float]:
    """Return images per second by CPU time and by the clock, the best of ROUNDS."""
    best = []
    for _ in range(ROUNDS):
        cpu, wall = time.process_time(), time.perf_counter()
        for prompt in prompts:
            encode_jpeg(synthesizer.synthesize(prompt).pixels, 92)
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
            synthesizer = make(Composite(), town, Path(folder))
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
    report = {"images": IMAGES, "scenes": SCENES, "python": platform.python_version(), "rows": rows}
    target = ROOT / "benchmarks" / "results" / "composite.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
