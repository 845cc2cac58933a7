import socket
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from throng.detectors.examples import Example, ignored_pixels
from throng.detectors.library import import_yolo
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.render.scene import make_scene, render_frame
from throng.sections.train_detector import TrainDetector

TINY = {
    "architecture": "yolo26n-p2.yaml",
    "width": 0.0625,
    "imgsz": 128,
    "epochs": 2,
    "batch": 2,
    "close_mosaic": 1,
    "min_side": 1,
    "cache_gigabytes": 0,
}
PIXELS: dict[str, np.ndarray] = {}


def rendered(index: int) -> Example:
    frame = render_frame(make_scene(5, index, 128, 96), 0, 6)
    PIXELS[f"{index:016x}"] = frame.image
    people = frame.people.visible_box[frame.people.counted].astype(float)
    return Example(f"{index:016x}", "here", "", 128, 96, people, frame.scene.lookalikes.reshape(-1, 4).astype(float))


def read(example: Example) -> np.ndarray:
    return PIXELS[example.id]


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return [rendered(index) for index in range(8)]


@pytest.fixture(scope="module")
def fitting(tmp_path_factory):
    import_yolo(tmp_path_factory.mktemp("settings"))
    torch.set_num_threads(1)
    from throng.detectors import fitting

    return fitting


def trained(fitting, examples, work: Path, weights: Path | None = None, read=read, seed: int = 11, **changes):
    config = TrainDetector(**TINY | changes)
    model, history = fitting.fit(examples[:4], examples[4:6], read, config, base=weights, seed=seed, work=work)
    fitting.save_weights(model, work / "detector.pt", config.imgsz)
    fitting.export_onnx(work / "detector.pt", work / "detector.onnx", config, work / "export")
    return model, history


@pytest.fixture(scope="module")
def whole(fitting, examples, tmp_path_factory):
    work = tmp_path_factory.mktemp("whole")
    model, history = trained(fitting, examples, work)
    return work, model, history


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def artefacts(work: Path) -> tuple[bytes, bytes]:
    return (work / "detector.pt").read_bytes(), (work / "detector.onnx").read_bytes()


def test_the_same_run_elsewhere_gives_the_same_bytes_without_a_network(fitting, examples, whole, tmp_path, monkeypatch):
    sought = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: sought.append(a) or [])
    model, history = trained(fitting, examples, tmp_path)
    work, first, rows = whole
    assert all(row["train/box_loss"] > 0.1 for row in rows)
    assert same(model, first)
    assert history == rows
    assert artefacts(tmp_path) == artefacts(work)
    assert sought == []


def test_another_seed_gives_another_model(fitting, examples, whole, tmp_path):
    model, _ = trained(fitting, examples, tmp_path, seed=12, epochs=1)
    assert not same(model, whole[1])


def test_a_stopped_run_goes_on_to_the_same_bytes(fitting, examples, whole, tmp_path):
    seen = []

    def interrupted(example: Example) -> np.ndarray:
        seen.append(example.id)
        if (tmp_path / "checkpoint.pt").exists() and len(seen) % 5 == 0:
            raise SystemExit("terminated")
        return read(example)

    with pytest.raises(SystemExit):
        trained(fitting, examples, tmp_path, read=interrupted)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert 0 < state["epoch"] < TINY["epochs"]
    _, history = trained(fitting, examples, tmp_path)
    assert history == whole[2]
    assert artefacts(tmp_path) == artefacts(whole[0])


def test_a_finished_run_is_not_trained_again(fitting, examples, whole):
    work, first, rows = whole

    def nothing(example: Example) -> np.ndarray:
        raise AssertionError("read again")

    model, history = trained(fitting, examples, work, read=nothing)
    assert same(model, first)
    assert history == rows


def test_the_chosen_epoch_is_the_best_on_validation(whole):
    work, model, history = whole
    state = torch.load(work / "checkpoint.pt", weights_only=True)
    scores = [row["metrics/mAP50-95(B)"] for row in history]
    assert [row["epoch"] for row in history] == [1, 2]
    assert state["best_epoch"] == 1 + int(np.argmax(scores))
    assert all(torch.equal(value, state["best"][name]) for name, value in model.state_dict().items())


def test_a_sample_depends_on_nothing_that_was_drawn_before(fitting, examples):
    config = TrainDetector(**TINY | {"mosaic": 1})
    definition, _ = fitting.start(config, None)
    job = fitting._Job(examples, examples, read, config, definition, None, 3, Path())
    from ultralytics.cfg import get_cfg

    hyp = get_cfg(overrides={"imgsz": 128, "mosaic": 1.0})
    here, there = (fitting._Samples(examples, job, hyp, augment=True, batch=4, stride=32) for _ in range(2))
    forth = [here[index]["img"] for index in range(8)]
    back = [there[index]["img"] for index in reversed(range(8))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forth, back, strict=True))
    there.epoch = 1
    assert not torch.equal(forth[0], there[0]["img"])


def test_ignored_regions_are_painted_grey_but_nobody_in_them():
    people, ignored = np.array([[10.0, 10, 20, 20]]), np.array([[5.5, 5.5, 20, 20], [-5, 60, 10, 40]])
    mask = ignored_pixels(Example("a", "s", "p", 96, 72, people, ignored))
    assert mask.shape == (72, 96)
    assert mask[5, 5] and mask[25, 9] and mask[70, 0]
    assert not mask[10:30, 10:30].any()
    assert not mask[4].any() and not mask[60:, 5:].any()


def test_the_export_says_what_it_is_and_neither_when_nor_where_it_was_made(whole):
    model = onnx.load(whole[0] / "detector.onnx")
    stored = {item.key: item.value for item in model.metadata_props}
    assert stored["task"] == "detect"
    assert stored["names"] == "{0: 'person'}"
    assert not stored.keys() & {"date", "description"}
    for data in artefacts(whole[0]):
        assert str(whole[0]).encode() not in data
        assert str(Path.cwd()).encode() not in data


def test_fine_tuning_starts_from_the_base(fitting, examples, whole, tmp_path):
    work, base, _ = whole
    changes = {
        "architecture": None,
        "width": None,
        "base": "named",
        "trusted": sha256_file(work / "detector.pt"),
        "epochs": 1,
        "learning_rate": 1e-9,
    }
    model, _ = trained(fitting, examples, tmp_path, weights=work / "detector.pt", **changes)
    learnt = dict(base.named_parameters())
    assert all(torch.allclose(value, learnt[name], atol=1e-5) for name, value in model.named_parameters())


def test_a_base_that_does_not_fit_is_refused(fitting, tmp_path):
    from ultralytics import YOLO

    (tmp_path / "broken.pt").write_bytes(b"no model")
    YOLO("yolov8n-seg.yaml").save(tmp_path / "segment.pt")
    for name, message in (
        ("none.pt", "not found"),
        ("model.onnx", "no .pt"),
        ("broken.pt", "cannot be read"),
        ("segment.pt", "is a segment model"),
    ):
        trusted = sha256_file(tmp_path / name) if (tmp_path / name).is_file() else None
        with pytest.raises(ThrongError, match=message):
            fitting.start(TrainDetector(architecture=None, base="x", trusted=trusted), tmp_path / name)
    with pytest.raises(ThrongError, match=r"set train_detector\.trusted to"):
        fitting.start(TrainDetector(architecture=None, base="x"), tmp_path / "segment.pt")


@pytest.mark.parametrize("name", ["nothing.yaml", "yolov8n", "../yolov8n.yaml"])
def test_an_unknown_architecture_is_refused(fitting, name):
    with pytest.raises(ThrongError, match="none that ultralytics defines"):
        fitting.start(TrainDetector(architecture=name), None)


@pytest.mark.parametrize("name", ["yolov8n-seg.yaml", "yolov10n.yaml", "yolov8n-cls.yaml", "rtdetr-l.yaml"])
def test_an_architecture_of_another_kind_is_refused(fitting, name):
    with pytest.raises(ThrongError, match="no plain detection model"):
        fitting.start(TrainDetector(architecture=name), None)


def test_an_end_to_end_architecture_keeps_the_head_without_a_limit(fitting):
    definition, _ = fitting.start(TrainDetector(architecture="yolo26n.yaml", width=0.125), None)
    assert definition["end2end"] is False
    assert definition["scales"] == {"n": [0.5, 0.125, 1024]}


def test_a_device_that_is_not_here_is_refused(fitting, examples, tmp_path):
    with pytest.raises(ThrongError, match="one device"):
        trained(fitting, examples, tmp_path, device="cuda:0,1")
    if not torch.cuda.is_available():
        with pytest.raises(ThrongError, match="no GPU is usable"):
            trained(fitting, examples, tmp_path, device="cuda")


@pytest.mark.parametrize("keys", [{}, {"architecture": "yolo11n.yaml", "base": "a.pt"}, {"base": "a.pt", "width": 0.5}])
def test_a_section_starts_from_one_thing(keys):
    with pytest.raises(ValueError):
        TrainDetector(**{"architecture": None} | keys)
