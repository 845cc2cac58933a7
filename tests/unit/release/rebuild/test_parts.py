"""The parts of a rebuild: edits from their rows, photographs from the user's copy, models by their hash."""

import dataclasses
import hashlib

import numpy as np
import pytest

from tests.contract.test_detectors import image_row
from tests.unit.synthesizers.drawn import ground_colour
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.images import ImageStore, encode_png
from throng.provenance import libraries
from throng.release.rebuild.copies import find_folders
from throng.release.rebuild.outcome import Outcome
from throng.release.rebuild.pins import Pins, all_found, named, of_pipeline
from throng.release.rebuild.surroundings import differences
from throng.removers.opencv import make
from throng.removers.plan import Planner
from throng.removers.remaking import Remaker
from throng.removers.rows import Rows
from throng.removers.waves import Editor
from throng.sections.ingest import Folder
from throng.sections.remove import OpenCV
from throng.tables.detections import Detection, DetectionRow

SECTION = OpenCV(kept=[0.5, 0.0], shams=2, dilation_px=3, feather_px=2, shadow_share=0.1)


@pytest.fixture
def edited(tmp_path):
    """A photograph of six people, its edits as the stage made them, and a remaker of the same section and seed."""
    data = encode_png(ground_colour(np.random.default_rng(1), (120, 200)))
    (tmp_path / "p.png").write_bytes(data)
    row = image_row(120, 200, "p", source="here", path="p.png", sha256=hashlib.sha256(data).hexdigest())
    boxes = [(6 + 32 * k, 30 + 4 * k, 9, 30) for k in range(6)]
    people = [Detection(x=x, y=y, w=w, h=h, score=1.0, mask=None) for x, y, w, h in boxes]
    found = DetectionRow("p", "annotations", people, "ok", "")
    planner, remover = Planner(SECTION, 7, ImageStore({"here": tmp_path})), make(SECTION, None)
    with Editor(remover, None, Rows("opencv", remover, "remove/part.zip"), 7, 1) as editor:
        made = {edit.id: (edit, data) for edit, data in editor.make([planner.plan(row, found)]) if data is not None}
    return row, found, made, Remaker(planner, remover)


def test_an_edit_made_from_its_row_is_the_very_file(edited):
    row, found, made, remaker = edited
    assert {edit.recipe for edit, _ in made.values()} == {"chain", "sham"}
    again = {edit.id: data for edit, data in remaker.remake(row, found, [edit for edit, _ in made.values()])}
    assert again == {name: data for name, (_, data) in made.items()}
    assert all(hashlib.sha256(data).hexdigest() == made[name][0].sha256 for name, data in again.items())


def test_an_edit_without_its_base_is_refused(edited):
    row, found, made, remaker = edited
    last = next(edit for edit, _ in made.values() if edit.recipe == "chain" and edit.level == 2)
    ((_, said),) = remaker.remake(row, found, [last])
    assert isinstance(said, str)
    assert said.startswith("base: ")


def test_other_people_make_other_areas_and_that_is_noticed(edited):
    row, found, made, remaker = edited
    moved = [*found.people[:-1], {**found.people[-1], "x": found.people[-1]["x"] + 1}]
    answers = remaker.remake(row, dataclasses.replace(found, people=moved), [edit for edit, _ in made.values()])
    said = [answer for _, answer in answers]
    assert all(isinstance(answer, str) for answer in said)
    assert "otherwise: the areas to paint come out otherwise than in the run" in said


def test_sources_are_found_by_the_files_they_hold(tmp_path):
    sources = {name: Folder(name=name, root=name, format="folder") for name in ("one", "two")}
    wanted = []
    for name, files in (("one", ("a.png", "b.png")), ("two", ("b.png", "c.png"))):
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_bytes(b"x")
            wanted.append(image_row(1, 1, f"{name}{file}", source=name, path=file))
    folders = {"one": tmp_path / "one", "two": tmp_path / "two"}
    assert find_folders(sources, wanted, [str(tmp_path / "two"), str(tmp_path / "one")]) == folders
    swapped = [f"two={tmp_path / 'one'}", f"one={tmp_path / 'two'}"]
    assert find_folders(sources, wanted, swapped) == {"one": tmp_path / "two", "two": tmp_path / "one"}
    assert find_folders(sources, wanted, [str(tmp_path)]) == {}
    with pytest.raises(ThrongError, match=r"--source one=.*: .* does not exist; .*sources: one, two"):
        find_folders(sources, wanted, [f"one={tmp_path / 'none'}"])


def test_models_are_found_by_hash_whatever_their_name(tmp_path):
    file = tmp_path / "other-name.onnx"
    file.write_bytes(b"weights")
    pins = Pins([file])
    assert pins.find({"file": "lama.onnx", "sha256": sha256_file(file)}) == file
    said = pins.find({"file": "lama.onnx", "sha256": "0" * 64})
    assert (
        said == f"model not given: lama.onnx with sha256 {'0' * 64}; give it by --model; {file} has {sha256_file(file)}"
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(ThrongError, match=r"--model .*empty: neither a file nor a folder with model_index.json"):
        Pins([tmp_path / "empty"])


def test_all_that_a_pipeline_was_made_of_is_asked_for(tmp_path):
    sums = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("base", "one", "two", "net")}
    files = {name: tmp_path / name for name in sums}
    for name, path in files.items():
        path.write_bytes(name.encode())
    model = {
        "file": "base",
        "sha256": sums["base"],
        "loras": f"a file.safetensors {sums['one']} b.safetensors {sums['two']}",
        "controlnet": f"net {sums['net']}",
    }
    wanted = of_pipeline(model)
    assert [pin["file"] for pin in wanted["loras"]] == ["a file.safetensors", "b.safetensors"]
    found = all_found(Pins(list(files.values())), wanted)
    assert found == {"model": [files["base"]], "controlnet": [files["net"]], "loras": [files["one"], files["two"]]}
    section = named({"loras": [{"weight": 1}, {"weight": 2}], "layout": {"kind": "controlnet"}}, found, "cpu")
    assert section == {
        "model": str(files["base"]),
        "device": "cpu",
        "loras": [{"weight": 1, "path": str(files["one"])}, {"weight": 2, "path": str(files["two"])}],
        "layout": {"kind": "controlnet", "model": str(files["net"])},
    }
    assert all_found(Pins([files["base"]]), wanted) == Pins([files["base"]]).find(wanted["controlnet"][0])


def test_what_runs_here_is_compared_with_what_made_the_release():
    here = libraries()
    footer = {"stage": "remove", "code": "another", "libraries": {**here, "numpy": "1.0"}}
    said = differences(footer, ("throng.removers.opencv",))
    assert f"numpy 1.0 then, {here['numpy']} here" in said
    assert "stage 'remove' is of another version of throng's code" in said
    assert "opencv" not in said
    assert "does not say which libraries" in differences({"stage": "none", "code": ""}, ())
    assert "the processor or the device" in differences({"stage": "none", "code": "", "libraries": here}, ())


def test_an_outcome_is_complete_without_faults_alone():
    outcome = Outcome({"pairs": 1}, {"pairs": {"a": "missing photograph: p", "b": "missing photograph: q"}})
    assert not outcome.complete
    assert outcome.kinds("pairs") == {"missing photograph": 2}
    assert outcome.first_fault == "missing photograph: p"
    assert Outcome({"pairs": 1}, {"pairs": {}}).complete
