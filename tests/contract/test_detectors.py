"""One suite for every detector: the same photographs, the same promises."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from throng import detectors, rle
from throng.detectors.protocol import Detector, Photograph
from throng.errors import ThrongError
from throng.sections.detectors import Annotations, Ultralytics
from throng.tables.images import Box, ImageRow, Person

SIZES = [(96, 128), (160, 64), (1, 1)]


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> dict[str, Path]:
    """Save two random YOLOs of a quarter of the smallest width, built from the library's own definitions."""
    folder = tmp_path_factory.mktemp("yolo")
    os.environ |= {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_CONFIG_DIR": str(folder / "settings")}
    import torch
    import ultralytics
    import yaml
    from ultralytics import YOLO

    made = {}
    for task, name in (("detect", "yolov8.yaml"), ("segment", "yolov8-seg.yaml")):
        definition = yaml.safe_load((Path(ultralytics.__file__).parent / "cfg/models/v8" / name).read_text())
        definition |= {"nc": 2, "scales": {"n": [0.33, 0.0625, 1024]}, "scale": "n"}
        path = folder / f"tiny-{task}.yaml"
        path.write_text(yaml.safe_dump(definition))
        torch.manual_seed(3)
        model = YOLO(path, task=task)
        model.model.names = {0: "person", 1: "dog"}
        made[task] = folder / f"tiny-{task}.pt"
        model.save(made[task])
    return made


def image_row(height: int, width: int, key: str, **labels) -> ImageRow:
    fields = {
        "id": key,
        "source": "here",
        "path": f"{key}.png",
        "sha256": "0" * 64,
        "bytes": 1,
        "format": "png",
        "width": width,
        "height": height,
        "channels": 3,
        "split": "train",
        "scene": "s",
        "licence": "CC0-1.0",
        "redistributable": True,
        "count": None,
        "points": None,
        "people": None,
        "erratum": "",
        "status": "ok",
        "reason": "",
    }
    fields |= {name: value for name, value in labels.items() if name in fields}
    return ImageRow(**fields)


def person(visible: tuple | None, full: tuple | None = None, ignore: bool = False) -> Person:
    def box(values: tuple | None) -> Box | None:
        return None if values is None else Box(x=values[0], y=values[1], w=values[2], h=values[3])

    return Person(
        tag="person",
        box_id=None,
        head=None,
        visible=box(visible),
        full=box(full),
        ignore=ignore,
        head_ignore=False,
        occluded=None,
        unsure=None,
        head_occluded=None,
        head_unsure=None,
    )


def photographs(count: int = 3) -> list[Photograph]:
    random = np.random.default_rng(5)
    made = []
    for index in range(count):
        height, width = SIZES[index % len(SIZES)]
        people = [person((1.5, 2, 20, 40)), person((-5, height - 10, 30, 40))]
        pixels = cv2.resize(random.integers(0, 256, (8, 8, 3), np.uint8), (width, height))
        made.append(Photograph(image_row(height, width, f"{index:016x}", people=people), pixels))
    return made


@pytest.fixture(params=["annotations", "ultralytics-detect", "ultralytics-segment"])
def detector(request, tiny_models, tmp_path) -> Detector:
    backend, _, task = request.param.partition("-")
    if backend == "annotations":
        return detectors.load(Annotations(), None, tmp_path)
    model = tiny_models[task]
    config = Ultralytics(model=str(model), task=task, confidence=0.001, imgsz=64, batch=2, backend="ultralytics")
    return detectors.load(config, model, tmp_path)


def test_boxes_lie_in_the_frame_best_first_and_masks_in_their_boxes(detector):
    for photograph in photographs():
        (found,) = detector.detect([photograph])
        assert found.rejection == ""
        scores = [someone["score"] for someone in found.people]
        assert scores == sorted(scores, reverse=True)
        row = photograph.row
        for someone in found.people:
            assert 0 < someone["score"] <= 1
            assert someone["w"] > 0
            assert someone["h"] > 0
            assert 0 <= someone["x"] <= someone["x"] + someone["w"] <= row.width
            assert 0 <= someone["y"] <= someone["y"] + someone["h"] <= row.height
            if someone["mask"] is not None:
                rows, columns = np.nonzero(rle.decode(someone["mask"], row.height, row.width))
                assert rows.size == 0 or (someone["y"] - 1 <= rows.min() and rows.max() <= someone["y"] + someone["h"])
                assert columns.size == 0 or (
                    someone["x"] - 1 <= columns.min() and columns.max() <= someone["x"] + someone["w"]
                )


def test_something_is_found_so_that_the_suite_means_something(detector):
    assert any(detector.detect([photograph])[0].people for photograph in photographs())


def test_the_answer_is_repeated_and_no_photograph_changes_its_neighbours(detector):
    same = [photograph for photograph in photographs(7) if photograph.row.height == SIZES[0][0]][:2]
    together = detector.detect(same)
    alone = [detector.detect([photograph])[0] for photograph in same]
    assert detector.detect(same) == together
    for first, second in zip(together, alone, strict=True):
        assert len(first.people) == len(second.people)
        for a, b in zip(first.people, second.people, strict=True):
            assert [a[name] for name in ("x", "y", "w", "h")] == pytest.approx(
                [b[name] for name in ("x", "y", "w", "h")], abs=0.01
            )


def test_the_weights_are_named_by_their_hash(detector, tiny_models):
    if detector.model is not None:
        file = next(path for path in tiny_models.values() if path.name == detector.model["file"])
        assert detector.model["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_segmentation_gives_masks(tiny_models, tmp_path):
    config = Ultralytics(model="m", task="segment", confidence=0.001, imgsz=64, backend="ultralytics")
    found = detectors.load(config, tiny_models["segment"], tmp_path).detect(photographs(1))[0]
    assert found.people
    assert any(someone["mask"] for someone in found.people)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder, models: folder / "absent.pt", "not found"),
        (lambda folder, models: write(folder / "model.h5", b"x"), "is no .pt, .onnx or folder"),
        (lambda folder, models: write(folder / "model.pt", b"not a checkpoint"), "cannot be run"),
        (lambda folder, models: write(folder / "model.onnx", b"not a graph"), "cannot be run"),
        (lambda folder, models: models["segment"], "is a segment model, detect.task says detect"),
    ],
)
def test_a_model_that_cannot_be_used_is_one_sentence(tiny_models, tmp_path, make, message):
    model = make(tmp_path, tiny_models)
    with pytest.raises(ThrongError, match=message) as error:
        detectors.load(Ultralytics(model="m", imgsz=64, backend="ultralytics"), model, tmp_path / "scratch")
    assert str(model) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_model_without_people_is_refused(tiny_models, tmp_path):
    from ultralytics import YOLO

    model = YOLO(tiny_models["detect"])
    model.model.names = {0: "cat", 1: "dog"}
    model.save(tmp_path / "cats.pt")
    with pytest.raises(ThrongError, match="has no class 'person'; it knows cat, dog"):
        detectors.load(Ultralytics(model="m", imgsz=64, backend="ultralytics"), tmp_path / "cats.pt", tmp_path)


def test_a_crowd_beyond_the_cap_is_rejected_not_cut(tiny_models, tmp_path):
    config = Ultralytics(model="m", confidence=1e-9, iou=0.999, imgsz=960, backend="ultralytics")
    detector = detectors.load(config, tiny_models["detect"], tmp_path)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (512, 512, 3), np.uint8)
    (found,) = detector.detect([Photograph(image_row(512, 512, "0" * 16), pixels)])
    assert found.people == []
    assert found.rejection == "cap: 3000 people reach detect.max_det; raise it, or detect.confidence"


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


OFFLINE = """
import builtins, pathlib, socket, sys
from pathlib import Path
def refuse(*arguments, **keywords):
    raise AssertionError(f"the network was reached for: {arguments}")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import numpy as np
from throng import detectors
from throng.detectors.protocol import Photograph
from throng.sections.detectors import Ultralytics
config = Ultralytics(model="m", imgsz=64, confidence=0.001, backend="ultralytics")
detector = detectors.load(config, Path(sys.argv[1]), Path(sys.argv[2]))
print(len(detector.detect([Photograph(None, np.zeros((40, 60, 3), np.uint8))])))
"""


def test_ultralytics_stays_off_the_network_and_writes_to_its_scratch_folder_only(tiny_models, tmp_path):
    for name in ("home", "here", "scratch", "tmp"):
        (tmp_path / name).mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO_", "XDG_", "MPL"))}
    environment |= {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", OFFLINE, str(tiny_models["detect"]), str(tmp_path / "scratch")]
    done = subprocess.run(command, cwd=tmp_path / "here", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "1"
    written = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert written <= {"scratch"}


DATA = os.environ.get("THRONG_DATA")


@pytest.mark.real_data
@pytest.mark.skipif(not DATA, reason="THRONG_DATA names no folder with Penn-Fudan and YOLO weights")
@pytest.mark.parametrize(
    ("model", "task", "imgsz"),
    [
        ("yolov8n_int8_dynamic_640.onnx", "detect", 640),
        ("yolo11n_int8_openvino_model", "detect", 640),
        ("yolov8n-seg_int8_320.onnx", "segment", 320),
    ],
)
def test_people_of_penn_fudan_are_found(tmp_path, model, task, imgsz):
    root = Path(str(DATA))
    config = Ultralytics(model=model, task=task, imgsz=imgsz, confidence=0.25, backend="ultralytics")
    detector = detectors.load(config, root / "weights" / model, tmp_path)
    hits, overlaps, people = 0, [], 0
    for path in sorted((root / "pennfudan" / "PNGImages").glob("*.png")):
        truth = cv2.imread(str(root / "pennfudan" / "PedMasks" / f"{path.stem}_mask.png"), cv2.IMREAD_UNCHANGED)
        pixels = cv2.imread(str(path))[..., ::-1]
        (found,) = detector.detect([Photograph(image_row(*pixels.shape[:2], path.stem), pixels)])
        for label in range(1, int(truth.max()) + 1):
            people += 1
            best = max(found.people, key=lambda someone: box_overlap(truth == label, someone), default=None)
            if best is not None and box_overlap(truth == label, best) >= 0.5:
                hits += 1
                if best["mask"]:
                    mask = rle.decode(best["mask"], *truth.shape)
                    overlaps.append((mask & (truth == label)).sum() / (mask | (truth == label)).sum())
    assert people == 137
    assert hits / people >= 0.95
    if task == "segment":
        assert np.mean(overlaps) >= 0.7


def box_overlap(mask: np.ndarray, someone) -> float:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    wide = min(right, someone["x"] + someone["w"]) - max(left, someone["x"])
    high = min(bottom, someone["y"] + someone["h"]) - max(top, someone["y"])
    both = max(wide, 0) * max(high, 0)
    return both / ((right - left) * (bottom - top) + someone["w"] * someone["h"] - both)
