"""A release of ten thousand, a hundred thousand and a million samples: time, peak memory, files, and how they grow.

    python benchmarks/release_scale.py [--samples 10000 100000 1000000] [--folder /tmp/scale] [--verify]

A run in miniature is made for each number of samples: photographs with two edits and two ranked pairs each,
synthesised images with counts and density labels; images of 16 x 16 pixels, tables in parts of 50,000 rows with the
schemas of the workflow. The release is then built in a process of its own, whose CPU seconds, clock seconds and peak
resident memory are taken; where other work shares the machine, CPU seconds count. --verify reads it back in another.
Slopes are of logarithms between neighbouring numbers: 1 is linear. Figures go to standard output and to
benchmarks/results/release_scale.json. By what a hundred thousand samples take, a million want a quarter of an hour of
one core, and 10 GB of disk.
"""

import argparse
import itertools
import json
import math
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.images import ImageStore, encode_png
from throng.provenance import FOOTER_KEY, Provenance, canonical_json
from throng.release.build import build
from throng.release.corpus import TABLES, Corpus
from throng.release.finishing import Finisher
from throng.release.pixels import Pixels
from throng.sections.base import output_slice
from throng.sections.release import Release
from throng.sections.synthesize import Making

RESULTS = Path(__file__).parent / "results"
PART = 50_000
SIDE = 16
PEOPLE = 4
# of a sample: photographs are labelled, have two pairs of two edits; synthesised images are counted and labelled
PHOTOGRAPHS, SYNTHETIC = 0.1, 0.35
Columns = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where runs are made; default: a temporary folder")
    parser.add_argument("--verify", action="store_true", help="also read every release back")
    parser.add_argument("--child", choices=["make", "build", "verify"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        CHILDREN[options.child](options.folder, options.samples[0])
        return
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        rows = [measure(Path(name) / str(samples), samples, verified=options.verify) for samples in options.samples]
    figures = {
        "machine": f"{processor()}, {os.cpu_count()} cores, one used",
        "processes waiting for a core, mean of 15 minutes": round(os.getloadavg()[2], 1),
        "mixture": {"photographs": PHOTOGRAPHS, "pairs per photograph": 2, "synthesised": SYNTHETIC, "pixels": SIDE**2},
        "runs": rows,
        "slopes": [slopes(one, other) for one, other in itertools.pairwise(rows)],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "release_scale.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def processor() -> str:
    """Return the processor's name, as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def measure(folder: Path, samples: int, *, verified: bool) -> dict[str, Any]:
    """Make a run, build its release in a child process, and return what that took."""
    folder.mkdir(parents=True)
    child("make", folder, samples)
    figures = {"build": child("build", folder, samples)}
    release = folder / "release"
    files = [path for path in release.rglob("*") if path.is_file()]
    index = json.loads((release / "index.json").read_text())
    if verified:
        figures["verify"] = child("verify", folder, samples)
    shutil.rmtree(folder)
    row = {
        "samples": index["totals"]["samples_with_pixels"],
        "files": len(files),
        "bytes": sum(file["bytes"] for file in index["files"]),
        **figures,
    }
    print(json.dumps(row), flush=True)
    return row


def slopes(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, float]:
    """Return how CPU time, memory and files grow from one number of samples to another; 1 is linear."""
    grown = math.log(other["samples"] / one["samples"])
    values = {f"build {name}": [run["build"][name] for run in (one, other)] for name in one["build"]}
    values["files"] = [run["files"] for run in (one, other)]
    return {name: round(math.log(after / before) / grown, 3) for name, (before, after) in values.items()}


def child(work: str, folder: Path, samples: int) -> dict[str, float]:
    """Run a part of the benchmark in a process of its own and return what it says of itself."""
    command = [sys.executable, __file__, "--child", work, "--folder", str(folder), "--samples", str(samples)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    return json.loads(done.stdout.splitlines()[-1])


def say(started: float) -> None:
    """Print the CPU seconds, clock seconds and peak resident memory of this process."""
    figures = {
        "CPU seconds": round(time.process_time(), 2),
        "seconds": round(time.perf_counter() - started, 2),
        "peak MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
    print(json.dumps(figures))


def build_release(folder: Path, samples: int) -> None:
    """Build the release of a run in ``folder``."""
    del samples
    started = time.perf_counter()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    cv2.setNumThreads(1)
    config = Release(name="scale")
    corpus = Corpus.read(lambda name: sorted((folder / "results" / name).glob("*.parquet")), {})
    pixels = Pixels(
        ImageStore({"results": folder / "results", "photos": folder / "photos.zip"}),
        Finisher(config.privacy, config.marking),
    )
    shutil.rmtree(folder / "release", ignore_errors=True)
    (folder / "release").mkdir()
    provenance = Provenance("release", {"release": output_slice(config), "seed": 0}, "c0de", 0)
    build(corpus, pixels, config, provenance, folder / "release", scratch=folder / "scratch")
    say(started)


def verify_release(folder: Path, samples: int) -> None:
    """Read the release in ``folder`` back."""
    from throng.release.verify import verify

    del samples
    started = time.perf_counter()
    pa.set_cpu_count(1)
    verify(folder / "release", folder / "cache")
    say(started)


def make(folder: Path, samples: int) -> None:
    """Write the tables and tiny images of a run."""
    started = time.perf_counter()
    rng = np.random.default_rng(0)
    taken = make_photographs(folder, rng, round(samples * PHOTOGRAPHS))
    make_synthetic(folder, rng, round(samples * SYNTHETIC), taken)
    for name in ("gan_samples",):
        (folder / "results" / name).mkdir()
    say(started)


def images(folder: Path, rng: np.random.Generator, number: int, archive: str) -> tuple[np.ndarray, np.ndarray]:
    """Write that many PNG files into a stored zip and return their ids and hashes, in the order of their names."""
    from hashlib import sha256

    path = folder / archive
    path.parent.mkdir(parents=True, exist_ok=True)
    hashes = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for k in range(number):
            coarse = rng.integers(0, 256, (4, 4, 3), np.uint8)
            data = encode_png(np.repeat(np.repeat(coarse, SIDE // 4, 0), SIDE // 4, 1))
            packed.writestr(zipfile.ZipInfo(f"{k:07d}.png", (1980, 1, 1, 0, 0, 0)), data)
            hashes.append(sha256(data).hexdigest())
    names = np.array(hashes)
    return names.astype("U16"), names


def parts(number: int) -> Iterator[slice]:
    return (slice(start, min(start + PART, number)) for start in range(0, number, PART))


def write(folder: Path, name: str, number: int, columns: Columns, config: Mapping[str, Any] | None = None) -> None:
    """Write a table in parts; a column is an array of values, or one value for all rows."""
    table, _ = TABLES[name]
    target = folder / "results" / name
    target.mkdir(parents=True, exist_ok=True)
    footer = Provenance(table.stage, {table.stage: dict(config or {}), "seed": 0}, "c0de", 0).footer(
        name, table.version
    )
    schema = table.schema.with_metadata({FOOTER_KEY: canonical_json(footer).encode()})
    for k, here in enumerate(parts(number)):
        rows = here.stop - here.start
        arrays = [_array(columns[field.name], field.type, here, rows) for field in table.schema]
        pq.write_table(
            pa.Table.from_arrays(arrays, schema=schema), target / f"part-{k:03d}.parquet", row_group_size=16_384
        )


def _array(value: Any, kind: pa.DataType, here: slice, rows: int) -> pa.Array:
    if isinstance(value, np.ndarray):
        return pa.array(value[here].tolist(), kind)
    return pa.array([value] * rows, kind)


def people(rng: np.random.Generator, number: int) -> tuple[list[Any], list[Any]]:
    """Return a few lists of head points and of boxes, as many of each, for images to share."""
    points = [[{"x": float(x), "y": float(y)} for x, y in rng.uniform(0, SIDE - 1, (PEOPLE, 2))] for _ in range(number)]
    boxes = [[{"x": p["x"] / 2, "y": p["y"] / 2, "w": 4.0, "h": 6.0} for p in heads] for heads in points]
    return points, boxes


def spread(values: list[Any], number: int) -> np.ndarray:
    """Return the values in turn, as an array of objects."""
    found = np.empty(number, object)
    for k in range(number):
        found[k] = values[k % len(values)]
    return found


def splits(number: int) -> np.ndarray:
    return np.where(np.arange(number) % 10 == 0, "val", "train")


def make_photographs(folder: Path, rng: np.random.Generator, number: int) -> np.ndarray:
    """Make photographs, detections, edits and pairs; return the ids of those for training."""
    ids, hashes = images(folder, rng, number, "photos.zip")
    order = np.argsort(ids)
    points, _ = people(rng, 50)
    paths = np.array([f"{k:07d}.png" for k in order])
    scenes = np.char.add("photos/", ids[order])
    common: Columns = {"status": "ok", "reason": "", "width": SIDE, "height": SIDE, "licence": "CC0-1.0"}
    write(
        folder,
        "images",
        number,
        common
        | {"id": ids[order], "source": "photos", "path": paths, "sha256": hashes[order], "bytes": 500, "format": "png"}
        | {"channels": 3, "split": splits(number), "scene": scenes, "redistributable": True, "count": PEOPLE}
        | {"points": spread(points, number), "people": None, "erratum": "", "focal_px": None},
    )
    found = [{"x": 1.0, "y": 2.0, "w": 4.0, "h": 8.0, "score": 0.9, "mask": None} for _ in range(PEOPLE)]
    write(
        folder,
        "detections",
        number,
        common | {"id": ids[order], "backend": "annotations", "people": spread([found], number)},
    )
    labels(folder, "images", ids[order], 0)
    edits(folder, rng, ids[order], paths, splits(number), scenes)
    return ids[order][splits(number) == "train"]


def edits(
    folder: Path,
    rng: np.random.Generator,
    parents: np.ndarray,
    paths: np.ndarray,
    split: np.ndarray,
    scenes: np.ndarray,
) -> None:
    """Make two edits and two pairs of every photograph."""
    number = 2 * len(parents)
    archive = "remove/part-000-of-001.zip"
    ids, hashes = images(folder, rng, number, f"results/{archive}")
    level = np.tile([1, 2], len(parents))
    own = np.array([f"{archive}/{k:07d}.png" for k in range(number)])
    of = np.repeat(parents, 2)
    unknown = dict.fromkeys(("count_before", "count_after", "residual", "hallucinated", "lost"))
    removed = spread([[0], [0, 1]], number)
    write(
        folder,
        "removals",
        number,
        unknown
        | {"id": ids, "parent_id": of, "recipe": "chain", "level": level, "base_id": of, "removed": removed}
        | {"removed_count": level, "detected_count": PEOPLE, "areas": level, "mask": None, "seed": 1, "attempts": 1}
        | {"options": "", "path": own, "sha256": hashes, "width": SIDE, "height": SIDE, "backend": "opencv"}
        | {"status": "ok", "reason": ""},
    )
    pairs = np.array([f"{k:016x}" for k in rng.permutation(np.arange(number) * 2_654_435_761 % 2**48)])
    write(
        folder,
        "ranked_pairs",
        number,
        {
            "id": pairs,
            "parent_id": of,
            "kind": "real-edited",
            "relation": "more",
            "more_id": of,
            "more_source": "photos",
        }
        | {"more_path": np.repeat(paths, 2), "more_crop": None, "fewer_id": ids, "fewer_source": "results"}
        | {"fewer_path": own, "fewer_crop": None, "delta": level, "removed": removed, "weight": 1.0}
        | {"split": np.repeat(split, 2), "scene": np.repeat(scenes, 2)},
    )


def make_synthetic(folder: Path, rng: np.random.Generator, number: int, parents: np.ndarray) -> None:
    """Make composites of training photographs, each with its prompt, count and labels."""
    archive = "synthesize/composite/part-000-of-001.zip"
    ids, hashes = images(folder, rng, number, f"results/{archive}")
    prompts = np.array([f"{k:016x}" for k in range(number)])
    points, boxes = people(rng, 50)
    unknown = dict.fromkeys(("detected", "predicted", "rank_score", "agreement", "prototype_distance"))
    write(
        folder,
        "prompts",
        number,
        {"id": prompts, "count": PEOPLE, "density": "", "fewest": PEOPLE, "most": PEOPLE, "template": "street"}
        | {"viewpoint": "", "conditions": "", "wording": "figures", "repeat": np.arange(number), "seed": 7}
        | {"text": "4 people on a street", "negative": "", "split": "train"},
    )
    write(
        folder,
        "synthetic",
        number,
        {"id": ids, "prompt_id": prompts, "maker": "composite", "requested": PEOPLE, "density": "", "count": PEOPLE}
        | {"points": spread(points, number), "boxes": spread(boxes, number), "masks": None}
        | {"path": np.array([f"{archive}/{k:07d}.png" for k in range(number)]), "sha256": hashes}
        | {"width": SIDE, "height": SIDE, "split": "train", "scene": "", "background_id": ""}
        | {"parents": spread([[one] for one in parents.tolist()], number), "licence": "CC0-1.0"}
        | {"redistributable": True, "backend": "composite", "options": "", "status": "ok", "reason": ""},
        output_slice(Making(name="composite")),
    )
    write(
        folder,
        "calibrated_counts",
        number,
        unknown
        | {"id": ids, "maker": "composite", "requested": PEOPLE, "exact": True, "count": float(PEOPLE), "std": 0.0}
        | {"weight": 1.0, "duplicate_of": "", "status": "ok", "reason": ""},
    )
    labels(folder, "synthetic", ids, 1)


def labels(folder: Path, table: str, ids: np.ndarray, first: int) -> None:
    """Write the density labels of the images of one table, after the parts of another."""
    said = {"method": "threshold", "mode": "fixed", "score": 4.0, "largest": None, "overall": 4.0, "density_class": 0}
    said |= {"class_name": "low", "flags": [], "reason": ""}
    scratch = folder / "labels"
    write(
        scratch,
        "density_labels",
        len(ids),
        {"id": ids, "table": table, "crop_x": 0, "crop_y": 0, "crop_w": SIDE, "crop_h": SIDE, "count": 4.0}
        | {"method": "threshold", "mode": "fixed", "score": 4.0, "density_class": 0, "class_name": "low"}
        | {"labels": spread([[said]], len(ids)), "scale": "", "ground": None, "ground_reason": "no scale: none"}
        | {"status": "ok", "reason": ""},
    )
    target = folder / "results" / "density_labels"
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted((scratch / "results" / "density_labels").iterdir()):
        path.rename(target / f"table-{first}-{path.name}")


CHILDREN = {"make": make, "build": build_release, "verify": verify_release}


if __name__ == "__main__":
    main()
