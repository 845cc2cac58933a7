"""How many copies audit_leakage finds, and what it claims wrongly: ShanghaiTech part B and a sample of part A.

    THRONG_DATA=folder python benchmarks/near_copies_quality.py [--every 1] [--threads 2]

Photographs are changed as people change photographs and looked for among all unchanged ones, by the stage's own steps.
Found are those whose own original is called a copy; other pairs should not be. All are looked for unchanged as well,
which shows what is claimed of different photographs. Every distance of hashes is told from one pass at the largest.
Figures go to standard output and to benchmarks/results/near_copies_quality.json.
"""

import argparse
import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.images import ImageStore, decode, encode_jpeg
from throng.likeness.comparing import Comparer
from throng.likeness.hashes import windows_of
from throng.likeness.looking import Looks, Observer
from throng.likeness.search import HeldOut
from throng.likeness.subjects import Subject
from throng.sections.audit_leakage import AuditLeakage
from throng.seeds import generator
from throng.tables.near_duplicates import LEAK, NearDuplicateRow

RESULTS = Path(__file__).parent / "results"
FOLDERS = ("shanghaitech/part_B", "shanghaitech_sample/part_A_final")
UNCHANGED = "unchanged"
DISTANCES = (4, 6, 8, 10, 12, 14)
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def kept(share: float) -> Change:
    """Return a cut that keeps a share of width and height, anywhere in the picture."""

    def cut(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        height, width = (round(share * length) for length in image.shape[:2])
        top, left = rng.integers(0, [image.shape[0] - height + 1, image.shape[1] - width + 1])
        return image[top : top + height, left : left + width]

    return cut


CHANGES: Mapping[str, Change] = {
    "JPEG quality 50": lambda image, _: decode(encode_jpeg(image, 50)),
    "half the size": lambda image, _: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "mirrored": lambda image, _: image[:, ::-1],
    "10 % of each side cut off": kept(0.9),
    "20 % of each side cut off": kept(0.8),
    "mirrored, half, 10 % cut, quality 50": lambda image, rng: decode(
        encode_jpeg(np.ascontiguousarray(kept(0.9)(image[::2, ::-2], rng)), 50)
    ),
}


class Changed(ImageStore):
    """Photographs below a folder, as source ``unchanged`` or as one of the changes by its name."""

    def __init__(self, folder: Path) -> None:
        super().__init__({UNCHANGED: folder})

    def read_bytes(self, source: str, path: str) -> bytes:
        """Return the bytes of a photograph, changed as ``source`` says."""
        data = super().read_bytes(UNCHANGED, path)
        if source == UNCHANGED:
            return data
        return encode_jpeg(np.ascontiguousarray(CHANGES[source](decode(data), generator(0, source, path))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="every n-th photograph is changed")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if "THRONG_DATA" not in os.environ:
        raise SystemExit(f"THRONG_DATA must name the folder with {' and '.join(FOLDERS)}")
    data = Path(os.environ["THRONG_DATA"])
    paths = [path.relative_to(data).as_posix() for name in FOLDERS for path in sorted((data / name).rglob("*.jpg"))]
    figures = measured(Changed(data), paths, options.every, options.threads)
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "near_copies_quality.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def measured(store: Changed, paths: list[str], every: int, threads: int) -> dict[str, Any]:
    """Return what is found and claimed at the default settings, and at every distance."""
    default = AuditLeakage()
    windows = windows_of(default.crops)
    comparer = Comparer(store, windows, default.agreement)
    observer = Observer(store, windows, None)

    def look(source: str, path: str, split: str) -> Looks:
        subject = Subject("images", path, source, path, split, "", "", False)
        row, files = observer.look("one", [subject])
        assert not row["problems"], row
        with np.load(io.BytesIO(files["one.npz"])) as arrays:
            known = dataclasses.replace(subject, sha256=row["sha256"][0])
            return Looks([known], arrays["hashes"], arrays["telling"], np.zeros((1, 0), np.float32))

    figures: dict[str, Any] = {"held": len(paths), "settings": default.model_dump(mode="json"), "changes": {}}
    with ThreadPoolExecutor(threads) as pool:
        unchanged = pool.map(lambda path: look(UNCHANGED, path, "test"), paths)
        held = HeldOut(Looks.joined(unchanged, len(windows)), max(DISTANCES))

        def rows(source: str, path: str) -> list[NearDuplicateRow]:
            found = held.candidates(look(source, path, "train"), default.neighbours)
            return [row for subject, candidates in found for row in comparer.rows(subject, candidates)]

        for source in (UNCHANGED, *CHANGES):
            some = paths if source == UNCHANGED else paths[::every]
            made = [row for found in pool.map(lambda path, source=source: rows(source, path), some) for row in found]
            figures["changes"][source] = {"photographs": len(some), "by distance": told(made, len(some))}
            print(source, json.dumps(figures["changes"][source]["by distance"][str(default.distance)]), flush=True)
    return figures


def told(rows: list[NearDuplicateRow], photographs: int) -> dict[str, Any]:
    """Return for every distance the share found, how many other pairs were compared, and which were called copies."""
    figures = {}
    for distance in DISTANCES:
        near = [row for row in rows if row.bits <= distance]
        own = [row for row in near if row.path == row.other_path]
        others = [row for row in near if row.path != row.other_path]
        figures[str(distance)] = {
            "found": round(sum(row.verdict == LEAK for row in own) / photographs, 4),
            "other pairs compared": len(others),
            "highest agreement of another": max((row.agreement or 0.0 for row in others), default=None),
            "other pairs called copies": sorted([row.path, row.other_path] for row in others if row.verdict == LEAK),
        }
    return figures


if __name__ == "__main__":
    main()
