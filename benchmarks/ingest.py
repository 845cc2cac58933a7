"""Ingestion against its peers: pass-through or re-encoded, .odgt by msgspec or json, zip read in place or unpacked.

    python benchmarks/ingest.py [--images FOLDER] [--count 200] [--records 15000] [--rounds 7]

Ours and the peer run alternately in one process on one core, after their results are compared; medians of the rounds
and their ratios go to standard output and to benchmarks/results/ingest.json. Without --images, textured 1024x768
JPEGs of about 150 kB, the mean of ShanghaiTech part B, are made in a temporary folder.
"""

import argparse
import json
import platform
import shutil
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.images import ImageStore, decode
from throng.manifest import OK
from throng.sections.ingest import Folder
from throng.sources import folder, odgt
from throng.sources.ingestion import ingest_one
from throng.sources.listing import list_files
from throng.tables.images import ImageRow

RESULTS = Path(__file__).parent / "results"
MAX_PIXELS = 100_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of images to use instead of made ones")
    parser.add_argument("--count", type=int, default=200, help="images")
    parser.add_argument("--records", type=int, default=15_000, help="lines of the .odgt file")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        images = work / "images"
        if options.images:
            copy_images(options.images, images, options.count)
        else:
            make_images(images, options.count)
        figures = {
            "machine": platform.processor() or platform.machine(),
            "pass-through": pass_through(images, options.rounds),
            "odgt": odgt_arrays(options.records, options.rounds),
            "zip": zip_or_unpack(images, work, options.rounds),
        }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "ingest.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def make_images(target: Path, count: int) -> None:
    """Write JPEGs whose detail falls with frequency as in photographs, 1.5 bits per pixel."""
    target.mkdir()
    generator = np.random.default_rng(0)
    for number in range(count):
        image = np.full((768, 1024, 3), 128.0)
        for scale in (1, 2, 4, 8, 16, 32, 64):
            noise = generator.normal(0, 1.65 * scale**0.7, (768 // scale, 1024 // scale, 3)).astype(np.float32)
            image += cv2.resize(noise, (1024, 768), interpolation=cv2.INTER_CUBIC)
        ok, data = cv2.imencode(".jpg", image.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
        assert ok
        (target / f"{number:04d}.jpg").write_bytes(data.tobytes())


def copy_images(origin: Path, target: Path, count: int) -> None:
    target.mkdir()
    for path in sorted(origin.rglob("*.jpg"))[:count]:
        shutil.copy(path, target / path.name)


def alternate(runs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each run, taken in turn: other programs disturb them less than the clock's."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.process_time()
            run()
            seconds[name].append(time.process_time() - started)
    return seconds


def report(title: str, seconds: dict[str, list[float]], ours: str, items: int, unit: str) -> dict[str, Any]:
    """Print and return medians, and the ratio of every peer to ours by paired rounds (median, least, most)."""
    figures: dict[str, Any] = {}
    print(f"\n{title}")
    for name, values in seconds.items():
        ratios = [value / own for value, own in zip(values, seconds[ours], strict=True)]
        figures[name] = {
            "CPU ms per item": 1e3 * statistics.median(values) / items,
            "ratio": statistics.median(ratios),
            "ratio least": min(ratios),
            "ratio most": max(ratios),
        }
        line = figures[name]
        spread = f"{line['ratio']:6.2f}x ({line['ratio least']:.2f} to {line['ratio most']:.2f})"
        print(f"  {name:32s} {line['CPU ms per item']:9.4f} CPU ms/{unit}  {spread}")
    return figures


def ingest_folder(root: Path) -> list[ImageRow]:
    """Ingest every image below a root: listed, read, hashed, header checked."""
    store = ImageStore({"photos": root})
    source = Folder(name="photos", root=str(root), format="folder")
    samples = folder.samples(list_files(root, 8 * MAX_PIXELS), "train", "folder")
    rows = [ingest_one(source, sample, partial(store.read_bytes, "photos"), MAX_PIXELS) for sample in samples]
    store.close()
    return rows


def reencode(root: Path, width: int | None) -> list[tuple[int, int]]:
    """Decode, resize to ``width`` where one is given, and encode every image; return their sizes."""
    sizes = []
    for path in sorted(root.iterdir()):
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        sizes.append((image.shape[1], image.shape[0]))
        if width:
            height = round(image.shape[0] * width / image.shape[1])
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return sizes


def pass_through(images: Path, rounds: int) -> dict[str, Any]:
    rows = ingest_folder(images)
    assert all(row.status == OK for row in rows), [row.reason for row in rows if row.reason][:3]
    assert [(row.width, row.height) for row in rows] == reencode(images, None), "the sizes must agree"
    seconds = alternate(
        {
            "ours: header, sha256": partial(ingest_folder, images),
            "decode, encode": partial(reencode, images, None),
            "decode, resize to 640, encode": partial(reencode, images, 640),
        },
        rounds,
    )
    size = statistics.mean(row.bytes for row in rows) / 1e3
    title = f"pass-through, {len(rows)} images of {size:.0f} kB on average, one core"
    return report(title, seconds, "ours: header, sha256", len(rows), "image")


def make_odgt(records: int) -> bytes:
    """Return .odgt lines with 27 people each on average and every field that CrowdHuman has."""
    generator = np.random.default_rng(0)

    def person(index: int) -> dict[str, Any]:
        boxes = np.concatenate([generator.integers(-60, 1500, (3, 2)), generator.integers(5, 400, (3, 2))], axis=1)
        head, visible, full = boxes.tolist()
        attributes = {"ignore": 0, "occ": int(generator.integers(2)), "unsure": 0}
        extra = {"box_id": index, "occ": int(generator.integers(2))}
        return {
            "tag": "person",
            "hbox": head,
            "head_attr": attributes,
            "fbox": full,
            "vbox": visible,
            "extra": extra,
        }

    lines = (
        json.dumps({"ID": f"273271,{number:016x}", "gtboxes": [person(n) for n in range(generator.integers(1, 54))]})
        for number in range(records)
    )
    return "\n".join(lines).encode()


def boxes_by_json(data: bytes) -> odgt.BoxArrays:
    ids, offsets, boxes = [], [0], []
    for line in data.splitlines():
        record = json.loads(line)
        ids.append(record["ID"])
        boxes.extend(box["fbox"] for box in record["gtboxes"])
        offsets.append(len(boxes))
    return odgt.BoxArrays(ids, np.array(offsets), np.array(boxes, np.int32))


def odgt_arrays(records: int, rounds: int) -> dict[str, Any]:
    data = make_odgt(records)
    ours, peer = odgt.read_boxes(data), boxes_by_json(data)
    assert ours.ids == peer.ids
    assert np.array_equal(ours.offsets, peer.offsets)
    assert np.array_equal(ours.boxes, peer.boxes)
    seconds = alternate({"ours": lambda: odgt.read_boxes(data), "json": lambda: boxes_by_json(data)}, rounds)
    title = f".odgt to int32 arrays, {records} records, {len(ours.boxes)} boxes, {len(data) / 1e6:.0f} MB"
    return report(title, seconds, "ours", records, "record")


def unpack_and_ingest(archive: Path, target: Path) -> list[ImageRow]:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(target)
    rows = ingest_folder(target)
    shutil.rmtree(target)
    return rows


def zip_or_unpack(images: Path, work: Path, rounds: int) -> dict[str, Any]:
    figures = {}
    for name, method in (("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)):
        packed = work / name
        packed.mkdir()
        with zipfile.ZipFile(packed / "images.zip", "w", method) as archive:
            for path in sorted(images.iterdir()):
                archive.write(path, f"Images/{path.name}")
        in_place = ingest_folder(packed)
        unpacked = unpack_and_ingest(packed / "images.zip", work / "unpacked")
        assert [row.sha256 for row in in_place] == [row.sha256 for row in unpacked]
        seconds = alternate(
            {
                "ours: in place": partial(ingest_folder, packed),
                "unpacked first": partial(unpack_and_ingest, packed / "images.zip", work / "unpacked"),
                "a folder that is there": partial(ingest_folder, images),
            },
            rounds,
        )
        read = {"in place": partial(decode_all, packed), "from a folder": partial(decode_all, images)}
        figures[name] = report(f"{name} zip, ingestion", seconds, "ours: in place", len(in_place), "image")
        later = report(f"{name} zip, a later stage decoding", alternate(read, 3), "in place", len(in_place), "image")
        figures[f"{name}, decoding"] = later
    return figures


def decode_all(root: Path) -> None:
    store = ImageStore({"photos": root})
    for file in list_files(root, 8 * MAX_PIXELS):
        decode(store.read_bytes("photos", file.path))
    store.close()


if __name__ == "__main__":
    main()
