"""Images per second on one core of maker ``rendered`` by size and count, beside frames whose count is left to chance.

Both are timed alternately in one process, on the same places, after a pass that draws the sprites and compiles the
kernels; a place is made for every image, as the maker does. What the exactness costs is the ratio. Before anything is
timed every image is checked to hold exactly the people asked for. Run: python benchmarks/synthesize_rendered.py.
"""

import contextlib
import itertools
import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

import cv2  # noqa: E402

from throng.errors import ThrongError  # noqa: E402
from throng.render.scene import Frame, make_scene, render_counted, render_frame  # noqa: E402

SIZES = ((512, 384), (1024, 768))
COUNTS = (0, 1, 5, 20, 100, 300, 1000)
PLACES, ROUNDS, SEED = 4, 2, 11


def places_for(width: int, height: int) -> list[int]:
    """Return the first PLACES places in which the largest count can be seen at once."""
    found: list[int] = []
    for place in itertools.count():
        if len(found) == PLACES:
            return found
        with contextlib.suppress(ThrongError):
            render_counted(make_scene(SEED, place, width, height), 0, max(COUNTS))
            found.append(place)
    return found


def seconds(render: Callable[..., Frame], places: list[int], width: int, height: int, count: int) -> float:
    """Return the processor's seconds of one image in each of the places, which leave out whatever else runs."""
    make_scene.cache_clear()
    start = time.process_time()
    for place in places:
        render(make_scene(SEED, place, width, height), 0, count)
    return time.process_time() - start


def main() -> None:
    cv2.setNumThreads(1)
    rows = []
    for width, height in SIZES:
        places = places_for(width, height)
        for count in COUNTS:
            frames = [render_counted(make_scene(SEED, place, width, height), 0, count) for place in places]
            if any(frame.count != count or not frame.people.counted.all() for frame in frames):
                raise SystemExit(f"{width}x{height}, {count} people: a count is wrong")
            marked = [render_frame(make_scene(SEED, place, width, height), 0, count).count for place in places]
            times = [
                (
                    seconds(render_counted, places, width, height, count),
                    seconds(render_frame, places, width, height, count),
                )
                for _ in range(ROUNDS)
            ]
            exact, chance = (min(column) / PLACES for column in zip(*times, strict=True))
            rows.append(
                {
                    "width": width,
                    "height": height,
                    "count": count,
                    "images_per_s": round(1 / exact, 2),
                    "by_chance_images_per_s": round(1 / chance, 2),
                    "times_the_work": round(exact / chance, 2),
                    "counted_by_chance": [min(marked), max(marked)],
                }
            )
            print(rows[-1], flush=True)
    result = {"cpu": platform.processor() or platform.machine(), "threads": 1, "places": PLACES, "rows": rows}
    path = ROOT / "benchmarks" / "results" / "synthesize_rendered.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
