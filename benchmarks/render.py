"""Rendered images per second on one core, by size and number of people; run: python benchmarks/render.py.

Figures are over whole calls of ``make_scene`` (one per FRAMES frames) and ``render_frame``. ``cold`` is the first pass,
which also draws the sprites that its images need; ``images_per_s`` is the better of two more passes with the sprites
kept, as in a long run. Kernels are compiled before.
"""

import json
import platform
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

import cv2  # noqa: E402

from throng.render.scene import make_scene, render_frame  # noqa: E402
from throng.render.sprites import sprite  # noqa: E402

SIZES = ((512, 384), (1024, 768))
COUNTS = (10, 60, 200, 500)
SCENES, FRAMES, SEED = 6, 4, 5


def render(width: int, height: int, count: int) -> float:
    """Return the images per second of SCENES x FRAMES frames."""
    make_scene.cache_clear()
    start = time.perf_counter()
    for scene_index in range(SCENES):
        scene = make_scene(SEED, scene_index, width, height)
        for frame in range(FRAMES):
            render_frame(scene, frame, count)
    return SCENES * FRAMES / (time.perf_counter() - start)


def main() -> None:
    cv2.setNumThreads(1)
    render_frame(make_scene(SEED, 99, 64, 64), 0, 3)
    rows = []
    print(f"{'size':>10} {'people':>7} {'cold/s':>8} {'images/s':>9}")
    for width, height in SIZES:
        for count in COUNTS:
            sprite.cache_clear()
            cold = render(width, height, count)
            warm = max(render(width, height, count) for _ in range(2))
            rows.append({"width": width, "height": height, "people": count, "cold": cold, "images_per_s": warm})
            print(f"{width}x{height:<5} {count:>7} {cold:>8.1f} {warm:>9.1f}", flush=True)
    target = ROOT / "benchmarks" / "results" / "render.json"
    target.parent.mkdir(exist_ok=True)
    report = {"frames_per_scene": FRAMES, "scenes": SCENES, "python": platform.python_version(), "rows": rows}
    target.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
