"""Large JPEGs to 256 x 256 PNGs: convert_dataset against the customary full decode and Lanczos resize of Pillow.

    python benchmarks/convert_dataset.py [--images 16] [--rounds 7]

The files are mosaics of four real photographs (2048x1536) and the photographs themselves (1024x768) of ShanghaiTech
part B below $THRONG_DATA, else rendered scenes of these sizes. Each is cut to its largest square. Ours and the peer run
alternately in one process on one thread, both from bytes in memory to the bytes of a PNG at zlib's level 0; ours also
reads the header and hashes both files. Before that the PSNR of every image to the peer's is checked, and that resize:
lanczos has the peer's very pixels. For comparison: the same scaled decode with area averaging in place of Lanczos.
Times are of the CPU, which other work on the machine disturbs least.
Figures go to standard output and to benchmarks/results/convert_dataset.json; a gate that fails makes the exit code 1.
"""

import argparse
import io
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

import cv2
import numpy as np
from PIL import Image

from throng.conversion.build import Original, Plan, convert_one
from throng.conversion.png import encode
from throng.conversion.transform import SCALED, SPARE, Resize, Square
from throng.density.crowd import crop_window
from throng.images import decode
from throng.render.scene import make_scene, render_frame

RESULTS = Path(__file__).parent / "results"
PHOTOGRAPHS = Path("shanghaitech", "part_B", "test_data", "images")
RESOLUTION, QUALITY = 256, 90
SIZES = ((2048, 1536), (1024, 768))
LEAST_RATIO, LEAST_PSNR = 4.0, 35.0
Way = Callable[[bytes], bytes]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=16, help="images of each size")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    real = Path(os.environ.get("THRONG_DATA", ".")) / PHOTOGRAPHS
    photographs = sorted(real.glob("*.jpg"))
    figures: dict[str, Any] = {
        "python": platform.python_version(),
        "material": "ShanghaiTech part B" if photographs else "rendered scenes",
        "images": options.images,
        "rounds": options.rounds,
        "resolution": RESOLUTION,
        "sizes": {},
    }
    for size in SIZES:
        files = material(photographs, size, options.images)
        figures["sizes"][f"{size[0]}x{size[1]}"] = compare(files, options.rounds)
    large = figures["sizes"][f"{SIZES[0][0]}x{SIZES[0][1]}"]
    figures["gates"] = {
        f"ratio at least {LEAST_RATIO}": large["ratio"] >= LEAST_RATIO,
        f"PSNR at least {LEAST_PSNR} dB": all(s["psnr_db"]["least"] >= LEAST_PSNR for s in figures["sizes"].values()),
    }
    print(json.dumps(figures, indent=2))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "convert_dataset.json").write_text(json.dumps(figures, indent=2) + "\n")
    if not all(figures["gates"].values()):
        sys.exit("a gate failed")


def material(photographs: Sequence[Path], size: tuple[int, int], number: int) -> list[bytes]:
    """Return JPEGs of a size: photographs, mosaics of four of them, or rendered scenes."""
    if photographs and size == (1024, 768):
        return [path.read_bytes() for path in photographs[:number]]
    if not photographs:
        frames = [render_frame(make_scene(5, index, *size), 0, 200).image for index in range(number)]
    else:
        tiles = [decode(path.read_bytes()) for path in photographs[: 4 * number]]
        frames = [np.vstack([np.hstack(tiles[at : at + 2]), np.hstack(tiles[at + 2 : at + 4])])
                  for at in range(0, len(tiles), 4)]  # fmt: skip
    return [pillow_bytes(Image.fromarray(frame), "JPEG", quality=QUALITY) for frame in frames]


def compare(files: Sequence[bytes], rounds: int) -> dict[str, Any]:
    """Check what the ways agree on, then time them in turn over all files."""
    ways: dict[str, Way] = {"ours": ours("scaled"), "ours, lanczos": ours("lanczos"), "pillow": pillow, "area": area}
    quality = {name: [psnr(way(data), pillow(data)) for data in files] for name, way in ways.items()}
    if min(quality["ours, lanczos"]) != float("inf"):
        sys.exit("resize: lanczos differs from Pillow")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            for data in files:
                way(data)
            times[name].append((time.process_time() - start) / len(files))
    ratios = [peer / mine for peer, mine in zip(times["pillow"], times["ours"], strict=True)]
    return {
        "jpeg_bytes": round(statistics.mean(map(len, files))),
        "ms": {name: round(1000 * statistics.median(taken), 3) for name, taken in times.items()},
        "ratio": round(statistics.median(ratios), 2),
        "ratio_range": [round(min(ratios), 2), round(max(ratios), 2)],
        "psnr_db": {"median": round(statistics.median(quality["ours"]), 1), "least": round(min(quality["ours"]), 1)},
        "psnr_db_area": {
            "median": round(statistics.median(quality["area"]), 1),
            "least": round(min(quality["area"]), 1),
        },
    }


def ours(resize: Resize) -> Way:
    """Return what convert_dataset does of an image's bytes."""
    plan = Plan(Square(RESOLUTION, "center-crop", resize=resize), "none", (), "zip", 0, 10**9)
    original = Original("", "files", "", "", "", "", redistributable=False)

    def way(data: bytes) -> bytes:
        row, png = convert_one(original, lambda _: data, plan)
        if row.reason:
            sys.exit(row.reason)
        return png

    return way


def pillow(data: bytes) -> bytes:
    """Decode all, cut, resize by Lanczos, write an uncompressed PNG, as the customary converter does."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    small = square.resize((RESOLUTION, RESOLUTION), Image.Resampling.LANCZOS)
    return pillow_bytes(small, "PNG", compress_level=0, optimize=False)


def area(data: bytes) -> bytes:
    """Decode at the scale that ours has, average areas, write as ours does."""
    width, height = Image.open(io.BytesIO(data)).size
    window = crop_window("center-crop", width, height)
    scale = next(scale for scale in (*SCALED, 1) if scale == 1 or window.w >= SPARE * scale * RESOLUTION)
    flags = SCALED.get(scale, cv2.IMREAD_COLOR_RGB)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    x, y, side = window.x // scale, window.y // scale, window.w // scale
    part = pixels[y : y + side, x : x + side]
    return encode(cv2.resize(part, (RESOLUTION, RESOLUTION), interpolation=cv2.INTER_AREA), 0)


def pillow_bytes(image: Image.Image, kind: str, **options: Any) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def psnr(image: bytes, reference: bytes) -> float:
    error = np.mean((decode(image).astype(float) - decode(reference).astype(float)) ** 2)
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


if __name__ == "__main__":
    main()
