"""One suite for every detector: the same photographs, the same promises."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from throng import detectors, rle
from throng.detectors.exporting import to_openvino
from throng.detectors.protocol import Detector, Found, Photograph
from throng.errors import ThrongError
from throng.evaluation.detection import detection_errors, mask_iou, match_boxes
from throng.files import sha256_file
from throng.sections.detectors import Annotations, Slices, Ultralytics
from throng.sources import pennfudan
from throng.tables.images import Box, ImageRow, Person

SIZES = [(96, 128), (160, 64), (1, 1)]


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> dict[str, Path]:
    """Save random YOLOs of a quarter of the smallest width, built from the library's own definitions, and exports."""
    folder = tmp_path_factory.mktemp("yolo")
    os.environ |= {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_CONFIG_DIR": str(folder / "settings")}
    from ultralytics import YOLO

    made = {
        "detect": tiny(folder, "v8/yolov8.yaml", "detect"),
        "segment": tiny(folder, "v8/yolov8-seg.yaml", "segment"),
        "two heads": tiny(folder, "26/yolo26.yaml", "detect"),
    }
    made["onnx"] = Path(YOLO(made["detect"]).export(format="onnx", imgsz=64, dynamic=True, verbose=False))
    made["openvino"] = to_openvino(made["onnx"], folder / "tiny_openvino_model")
    return made


def tiny(folder: Path, definition: str, task: str) -> Path:
    import torch
    import ultralytics
    import yaml
    from ultralytics import YOLO

    source = Path(ultralytics.__file__).parent / "cfg" / "models" / definition
    content = yaml.safe_load(source.read_text()) | {"nc": 2, "scales": {"n": [0.33, 0.0625, 1024]}, "scale": "n"}
    path = folder / f"tiny-{source.name}"
    path.write_text(yaml.safe_dump(content))
    torch.manual_seed(3)
    model = YOLO(path, task=task)
    model.model.names = {0: "person", 1: "dog"}
    model.save(path.with_suffix(".pt"))
    return path.with_suffix(".pt")


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


SLICES = Slices(tile=48, overlap=0.25)


def trust(model: Path) -> str:
    return sha256_file(model) if model.is_file() and model.suffix == ".pt" else ""


def section(model: Path) -> Ultralytics:
    return Ultralytics(model="m", imgsz=64, trusted=trust(model) or None)


def load(model: Path, scratch: Path, **options) -> Detector:
    common = {"model": str(model), "trusted": trust(model) or None, "confidence": 0.001, "imgsz": 64, "batch": 2}
    config = Ultralytics(**common | options)
    return detectors.load(config, model, scratch)


@pytest.fixture(
    params=["annotations", "detect", "segment", "two heads", "onnx", "openvino", "detect sliced", "segment sliced"]
)
def detector(request, tiny_models, tmp_path) -> Detector:
    if request.param == "annotations":
        return detectors.load(Annotations(), None, tmp_path)
    name = request.param.removesuffix(" sliced")
    return load(
        tiny_models[name],
        tmp_path,
        task="segment" if name == "segment" else "detect",
        slices=SLICES if request.param.endswith(" sliced") else None,
    )


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
    file = next((path for path in tiny_models.values() if path.name == (detector.model or {}).get("file")), None)
    if file is not None and file.is_file():
        assert detector.model["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_segmentation_gives_masks(tiny_models, tmp_path):
    found = load(tiny_models["segment"], tmp_path, task="segment").detect(photographs(1))[0]
    assert found.people
    assert any(someone["mask"] for someone in found.people)


def corners(found: Found) -> np.ndarray:
    return np.array([[p["x"], p["y"], p["x"] + p["w"], p["y"] + p["h"]] for p in found.people])


def test_what_was_prepared_in_another_thread_gives_the_same_answer(detector):
    some = photographs(3)
    with ThreadPoolExecutor(2) as pool:
        ready = list(pool.map(detector.prepare, some))
    for first, second in zip(some, ready, strict=True):
        assert detector.detect([second]) == detector.detect([first])


@pytest.mark.parametrize("name", ["detect", "segment", "onnx", "openvino"])
def test_a_look_at_the_whole_photograph_is_the_librarys_own_prediction(tiny_models, tmp_path, name):
    from ultralytics import YOLO

    task = "segment" if name == "segment" else "detect"
    (photograph,) = photographs(1)
    (found,) = load(tiny_models[name], tmp_path, task=task).detect([photograph])
    own = YOLO(tiny_models[name], task=task).predict(
        np.ascontiguousarray(photograph.pixels[..., ::-1]),
        conf=0.001, iou=0.7, imgsz=64, max_det=3000, classes=[0], verbose=False, save=False,
    )  # fmt: skip
    assert len(found.people) == len(own[0].boxes) > 0
    np.testing.assert_allclose(corners(found), own[0].boxes.xyxy.numpy(), atol=0.01)
    np.testing.assert_allclose([p["score"] for p in found.people], own[0].boxes.conf.numpy(), atol=1e-5)


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_exports_answer_as_the_checkpoint_does(tiny_models, tmp_path, name):
    (photograph,) = photographs(1)
    (checkpoint,) = load(tiny_models["detect"], tmp_path).detect([photograph])
    (export,) = load(tiny_models[name], tmp_path, precision="float32").detect([photograph])
    np.testing.assert_allclose(corners(export), corners(checkpoint), atol=0.05)


def test_of_two_heads_the_one_without_a_limit_answers(tiny_models, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    detector = load(tiny_models["two heads"], tmp_path, confidence=1e-6, iou=0.99, imgsz=256)
    (found,) = detector.detect([Photograph(image_row(256, 256, "0" * 16), noise)])
    assert len(found.people) > 300


def test_an_export_with_a_limit_built_in_is_refused(tiny_models, tmp_path):
    from ultralytics import YOLO

    checkpoint = tmp_path / "limited.pt"
    checkpoint.write_bytes(tiny_models["two heads"].read_bytes())
    limited = Path(YOLO(checkpoint).export(format="onnx", imgsz=64, nms=False, verbose=False))
    with pytest.raises(ThrongError, match="its own limit of boxes per image"):
        load(limited, tmp_path)


def test_every_class_that_is_named_counts(tiny_models, tmp_path):
    def scores(classes: list[str]) -> set[float]:
        (found,) = load(tiny_models["detect"], tmp_path, classes=classes, confidence=1e-6).detect(photographs(1))
        return {someone["score"] for someone in found.people}

    both, people, dogs = scores(["dog", "person"]), scores(["person"]), scores(["dog"])
    assert max(both) == max(people | dogs)
    assert people
    assert dogs
    assert both <= people | dogs


def test_nobody_is_no_rejection(tiny_models, tmp_path):
    (found,) = load(tiny_models["detect"], tmp_path, confidence=0.99, slices=SLICES).detect(photographs(1))
    assert found == Found([])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("detect", {"classes": ["person", "cat"]}, "has no class 'cat'; it knows person, dog"),
        ("detect", {"imgsz": 100}, "takes multiples of 32; set it to 96 or 128"),
        ("detect", {"precision": "float16"}, "float16 is for a .pt on a GPU"),
        ("onnx", {"precision": "float16", "device": "cuda"}, "float16 is for a .pt on a GPU"),
        ("detect", {"device": "cuda:7"}, "on device 'cuda:7'"),
    ],
)
def test_a_setting_that_does_not_fit_the_model_is_one_sentence(tiny_models, tmp_path, name, options, message):
    with pytest.raises(ThrongError, match=message) as error:
        load(tiny_models[name], tmp_path, **options)
    assert "\n" not in str(error.value)


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
        detectors.load(section(model), model, tmp_path / "scratch")
    assert str(model) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_model_without_people_is_refused(tiny_models, tmp_path):
    from ultralytics import YOLO

    model = YOLO(tiny_models["detect"])
    model.model.names = {0: "cat", 1: "dog"}
    model.save(tmp_path / "cats.pt")
    with pytest.raises(ThrongError, match="has no class 'person'; it knows cat, dog"):
        detectors.load(section(tmp_path / "cats.pt"), tmp_path / "cats.pt", tmp_path)


class Lurking:
    """What a malicious checkpoint holds: loading it would make a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


@pytest.mark.parametrize("trusted", [None, "0" * 64])
def test_a_pickle_that_nobody_trusts_is_not_loaded(tmp_path, trusted):
    import torch

    torch.save({"model": Lurking(tmp_path / "ran")}, tmp_path / "model.pt")
    config = Ultralytics(model="m", trusted=trusted)
    with pytest.raises(ThrongError, match=f"set trusted beside model to {sha256_file(tmp_path / 'model.pt')}"):
        detectors.load(config, tmp_path / "model.pt", tmp_path / "scratch")
    assert not (tmp_path / "ran").exists()


def test_a_crowd_beyond_the_cap_is_rejected_not_cut(tiny_models, tmp_path):
    detector = load(tiny_models["detect"], tmp_path, confidence=1e-9, iou=0.999, imgsz=960)
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
from throng.sections.detectors import Slices, Ultralytics
config = Ultralytics(model="m", trusted=sys.argv[3] or None, imgsz=64, confidence=0.001, slices=Slices(tile=32))
detector = detectors.load(config, Path(sys.argv[1]), Path(sys.argv[2]))
print(len(detector.detect([Photograph(None, np.zeros((40, 60, 3), np.uint8))])))
"""


@pytest.mark.parametrize("name", ["detect", "onnx", "openvino"])
def test_ultralytics_stays_off_the_network_and_writes_to_its_scratch_folder_only(tiny_models, tmp_path, name):
    for folder in ("home", "here", "scratch", "tmp"):
        (tmp_path / folder).mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO_", "XDG_", "MPL"))}
    environment |= {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [
        sys.executable,
        "-c",
        OFFLINE,
        str(tiny_models[name]),
        str(tmp_path / "scratch"),
        trust(tiny_models[name]),
    ]
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
    config = Ultralytics(model=model, task=task, imgsz=imgsz)
    detector = detectors.load(config, root / "weights" / model, tmp_path)
    matches, overlaps = [], []
    for path in sorted((root / "pennfudan" / "PNGImages").glob("*.png")):
        pixels = cv2.imread(str(path))[..., ::-1]
        height, width = pixels.shape[:2]
        mask = root / "pennfudan" / "PedMasks" / f"{path.stem}_mask.png"
        numbers = pennfudan.read_mask(mask.read_bytes(), width, height)
        people = [numbers == number for number in np.unique(numbers) if number]
        (found,) = detector.detect([Photograph(image_row(height, width, path.stem), pixels)])
        boxes = [[p["x"], p["y"], p["w"], p["h"]] for p in found.people]
        matched = match_boxes(
            boxes, [p["score"] for p in found.people], [cv2.boundingRect(one.astype(np.uint8)) for one in people]
        )
        matches.append(matched)
        for someone, taken in zip(found.people, matched.taken, strict=True):
            if taken >= 0 and someone["mask"]:
                overlaps.append(mask_iou(rle.decode(someone["mask"], height, width), people[taken]))
    errors = detection_errors(matches)
    assert errors.people == 137
    assert errors.recall >= 0.95
    assert errors.average_precision >= 0.9
    assert (np.mean(overlaps) >= 0.75) if task == "segment" else not overlaps
