import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from throng import detectors
from throng.detectors.protocol import Photograph
from throng.errors import ThrongError
from throng.evaluation.detection import box_iou
from throng.images import ImageStore, encode_png, image_id
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.render.scene import make_scene, render_frame
from throng.roots import RESULTS
from throng.sections.base import output_slice
from throng.sections.detectors import Ultralytics
from throng.sections.train_detector import TrainDetector
from throng.stage import Context, Files
from throng.stages import train_detector
from throng.tables.images import TABLE, Box, ImageRow, Person

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "models" / "rendered_people" / "detector.onnx"
TINY = {"architecture": "yolo26n-p2.yaml", "width": 0.0625, "imgsz": 128, "epochs": 1, "batch": 2, "min_side": 1}
OUTPUTS = {"weights": "detector.pt", "model": "detector.onnx", "history": "history.jsonl", "figures": "figures.json"}


def box(values) -> Box:
    x, y, w, h = map(float, values)
    return Box(x=x, y=y, w=w, h=h)


def person(visible=None, full=None, head=None, **marks) -> Person:
    boxes = {name: None if b is None else box(b) for name, b in (("visible", visible), ("full", full), ("head", head))}
    blank = {"tag": "person", "box_id": None, "ignore": False, "head_ignore": False, "occluded": None, "unsure": None}
    return Person(**blank | {"head_occluded": None, "head_unsure": None} | boxes | marks)


def row(key: str, split: str, people: list[Person] | None, size=(96, 128), **changes) -> ImageRow:
    fields = {
        "id": key, "source": "here", "path": f"{key}.png", "sha256": "", "bytes": 1, "format": "png", "width": size[1],
        "height": size[0], "channels": 3, "split": split, "scene": "s", "licence": "CC0-1.0", "redistributable": True,
        "count": None, "points": None, "people": people, "erratum": "", "status": "ok", "reason": "",
    }  # fmt: skip
    return ImageRow(**fields | changes)


def rendered(folder: Path, index: int, split: str, width: int = 128, height: int = 96, crowd: int = 6) -> ImageRow:
    frame = render_frame(make_scene(21, index, width, height), 0, crowd)
    data = encode_png(frame.image)
    key = image_id(data)
    (folder / f"{key}.png").write_bytes(data)
    seen = frame.people
    people = [person(visible=b) for b in seen.visible_box[seen.counted].tolist()]
    return row(key, split, people, (height, width))


class Bench:
    """A folder of images, their table, and the job that trains on them."""

    def __init__(self, root: Path) -> None:
        self.root, self.pixels, self.results = root, root / "pixels", root / "results"
        self.pixels.mkdir()

    def write(self, rows: list[ImageRow]) -> Path:
        path = self.results / "ingest" / "images.parquet"
        write_table(path, TABLE, rows, Provenance("ingest", {}, "code", 0))
        return path

    def run(self, rows: list[ImageRow], base: Path | None = None, **changes) -> Path:
        config = TrainDetector(**TINY | changes)
        inputs = {"images": [str(self.write(rows))]} | ({"base": [str(base)]} if base else {})
        out = self.results / "train_detector"
        roots = {"here": self.pixels, RESULTS: self.results}
        context = Context("train_detector", 3, 1, {}, roots, {"train_detector": output_slice(config)}, "code", {})
        train_detector.run(Files(inputs), Files({k: [str(out / v)] for k, v in OUTPUTS.items()}), config, context)
        return out


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def test_the_figures_are_those_of_the_exported_model_as_the_detect_stage_loads_it(bench):
    rows = [rendered(bench.pixels, index, "train" if index < 4 else "val") for index in range(6)]
    # a test image that would be read stops the run; one that is no image is counted
    rows += [row("f" * 16, "test", [person(visible=(1, 1, 20, 20))])]
    (bench.pixels / ("e" * 16 + ".png")).write_bytes(b"no image")
    rows += [row("e" * 16, "train", [person(visible=(1, 1, 20, 20))])]
    out = bench.run(rows, confidence=0.02)
    report = json.loads((out / "figures.json").read_text())
    assert report["unreadable"] == {"unreadable": 1}
    assert report["training"]["images"] == 4
    assert len((out / "history.jsonl").read_text().splitlines()) == 1
    assert not (bench.results / ".work").exists() or not any((bench.results / ".work" / "train_detector").iterdir())
    figures = report["validation"]
    section = Ultralytics(model="detector.onnx", confidence=0.02, imgsz=128, batch=1)
    detector = detectors.load(section, out / "detector.onnx", bench.root / "scratch")
    store = ImageStore({"here": bench.pixels})
    found = right = people = 0
    for one in rows[4:6]:
        photograph = Photograph(one, train_detector.decode(store.read_bytes("here", one.path)))
        answers = detector.detect([photograph])[0].people
        true = np.array([[p["visible"][side] for side in "xywh"] for p in one.people])
        free = set(range(len(true)))
        for answer in answers:
            union = box_iou(np.array([[answer[side] for side in "xywh"]]), true)[0]
            best = max(free, key=lambda index: union[index], default=None)
            if best is not None and union[best] >= 0.5:
                free.remove(best)
                right += 1
        found, people = found + len(answers), people + len(true)
    assert (figures["people"], figures["detections"]) == (people, found)
    assert figures["recall"] == pytest.approx(right / people)


def test_what_is_learnt_and_what_is_ignored():
    people = [
        person(visible=(10, 10, 20, 40), full=(5, 5, 30, 60), head=(12, 10, 8, 8)),
        person(full=(-10, -10, 30, 50)),
        person(visible=(50, 50, 2, 9)),
        person(visible=(60, 60, 30, 30), full=(60, 60, 30, 30), ignore=True),
        person(head=(1, 1, 5, 5), visible=(1, 1, 9, 9), head_ignore=True),
        person(visible=(200, 200, 10, 10)),
        person(),
    ]
    image = row("a" * 16, "train", people)

    def boxes(**changes):
        return [found.tolist() for found in train_detector.boxes_of(image, TrainDetector(**changes))]

    assert boxes() == [[[10, 10, 20, 40], [0, 0, 20, 40], [1, 1, 9, 9]], [[50, 50, 2, 9], [60, 60, 30, 30]]]
    assert boxes(box="full", min_side=1)[0] == [[5, 5, 30, 60], [0, 0, 20, 40], [50, 50, 2, 9], [1, 1, 9, 9]]
    learnt, ignored = boxes(box="head")
    assert learnt == [[12, 10, 8, 8]]
    assert ignored == [[0, 0, 20, 40], [50, 50, 2, 9], [60, 60, 30, 30], [1, 1, 5, 5]]


def test_sources_are_chosen_and_a_content_is_taken_once():
    rows = [row("b" * 16, "train", []), row("b" * 16, "train", [], path="again.png"), row("a" * 16, "train", [])]
    rows += [row("c" * 16, "train", [], source="other"), row("d" * 16, "train", None)]
    rows += [row("e" * 16, "train", [], status="rejected", reason="no")]

    def ids(**changes):
        return [one.id[0] for one in train_detector.examples(rows, "train", TrainDetector(**changes))]

    assert ids() == ["a", "b", "c"]
    assert ids(sources=["other"]) == ["c"]
    assert ids(sources=[]) == []


@pytest.mark.parametrize("missing", ["train", "val"])
def test_a_split_without_people_is_refused(bench, missing):
    rows = [rendered(bench.pixels, 0, "train"), rendered(bench.pixels, 1, "val")]
    rows = [one if one.split != missing else row(one.id, missing, []) for one in rows]
    with pytest.raises(ThrongError, match=f"(?s)needs annotated people.*0.*split {missing}"):
        bench.run(rows)


def test_an_image_that_changed_since_ingestion_is_left_out(bench):
    one = rendered(bench.pixels, 0, "train")
    cv2.imwrite(str(bench.pixels / one.path), np.zeros((20, 30, 3), np.uint8))
    chosen = train_detector.examples([one], "train", TrainDetector())
    kept, left = train_detector.readable(chosen, ImageStore({"here": bench.pixels}), 1)
    assert (kept, dict(left)) == ([], {"another size than at ingestion": 1})


def test_the_shipped_model_finds_people_in_scenes_it_never_saw(bench):
    rows = [rendered(bench.pixels, index, "val", 512, 384, crowd) for index, crowd in enumerate((3, 8, 15, 25, 40, 12))]
    config = TrainDetector(imgsz=512, min_side=1)
    chosen = train_detector.examples(rows, "val", config)
    figures = train_detector.measure(SHIPPED, chosen, ImageStore({"here": bench.pixels}), config, bench.root)
    assert figures["people"] > 80
    assert figures["recall"] >= 0.7
    assert figures["precision"] >= 0.7
    assert SHIPPED.stat().st_size <= 6e6


@pytest.mark.slow
def test_a_killed_job_goes_on_to_the_same_files(bench):
    rows = [rendered(bench.pixels, index, "train" if index < 6 else "val") for index in range(8)]
    table, config = bench.write(rows), TrainDetector(**TINY | {"epochs": 4})

    def job(name: str) -> tuple[list[str], Path]:
        results = bench.root / name
        tracked = json.dumps({"train_detector": output_slice(config), "seed": 3})
        record = {
            "stage": "train_detector",
            "inputs": {"images": [str(table)]},
            "outputs": {key: [str(results / file)] for key, file in OUTPUTS.items()},
            "params": {"config": tracked, "code": "code"},
            "wildcards": {}, "threads": 1, "log": str(results / "job.log"), "section": config.model_dump(),
            "roots": {"here": str(bench.pixels), RESULTS: str(results)}, "log_level": "INFO",
        }  # fmt: skip
        results.mkdir()
        (results / "job.json").write_text(json.dumps(record))
        script = ROOT / "workflow" / "scripts" / "train_detector.py"
        return [sys.executable, str(script), "--job", str(results / "job.json")], results

    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command, whole = job("whole")
    subprocess.run(command, env=environment, check=True)
    command, killed = job("killed")
    process = subprocess.Popen(command, env=environment)
    while not list(killed.glob(".work/**/checkpoint.pt")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    subprocess.run(command, env=environment, check=True)
    assert "resuming after epoch" in (killed / "job.log").read_text()
    for file in OUTPUTS.values():
        assert (killed / file).read_bytes() == (whole / file).read_bytes(), file
