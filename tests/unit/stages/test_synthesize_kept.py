"""No image is made twice: rows outlive edits of the prompts, kills and full disks, and say what a fresh run says."""

import copy
import errno
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.unit.stages.test_synthesize_stage import FOOTER, made
from throng import files, synthesizers
from throng.chunks import part_name
from throng.manifest import read_rows, write_table
from throng.prompts import prompt_rows
from throng.provenance import canonical_json
from throng.sections.base import output_slice
from throng.sections.prompt import Prompt
from throng.sections.synthesize import Rendered
from throng.synthesizers.protocol import Scene
from throng.tables import prompts, synthetic
from throng.tables.synthetic import SyntheticRow

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"
TOWN = {"name": "town", "text": "{count} people in a town"}
PARK = {"name": "park", "text": "{count} people in a park"}


class Painter:
    """Paints noise by the prompt's seed, refuses odd counts above ten, and remembers whom it painted for."""

    batch, parallel, options = 3, False, {"noise": 1}

    def __init__(self):
        self.asked, self.dies_after, self.loads, self.model, self.side = [], 1 << 30, 0, None, 8

    def load(self, _config, _gathered, models):
        self.loads += 1
        self.model = {"sha256": models["model"][0].read_text()} if models else None
        return self

    def synthesize(self, asked):
        if len(self.asked) >= self.dies_after:
            raise KeyboardInterrupt
        self.asked += [prompt.id for prompt in asked]
        return [self._scene(prompt) for prompt in asked]

    def _scene(self, prompt):
        if prompt.count % 2 and prompt.count > 10:
            return f"odd number: {prompt.count}"
        pixels = np.random.default_rng(prompt.seed).integers(0, 256, (self.side, self.side, 3), np.uint8)
        return Scene(pixels, prompt.count, None, None, None, None, [], "CC0-1.0", True)


class Works:
    """A results folder, a table of prompts and a painter."""

    def __init__(self, folder, painter):
        self.folder, self.painter = folder, painter
        self.results = folder / "results"
        self.parents = {"prompt/prompts.parquet": "", "ingest/images.parquet": "a"}
        self.models = {}

    def ask(self, *templates, **said):
        section = Prompt.model_validate({"counts": [0, 1, 4, 11], "repeats": 3, **said, "templates": list(templates)})
        rows = list(prompt_rows(0, section))
        write_table(self.folder / "prompts.parquet", prompts.TABLE, rows, FOOTER)
        self.parents["prompt/prompts.parquet"] = str(hash(tuple(rows)))
        return {row.id for row in rows}

    def make(self, chunks=1, only=None, **config):
        """Make the images and return whom the painter painted for, the rows and the bytes of tables and zips."""
        self.painter.asked = []
        settings = Rendered(**{"name": "noise", "chunks": chunks, "width": 64, "height": 64, **config})
        rows, content = {}, {}
        for part in (part_name(index, chunks) for index in range(chunks) if only in (None, index)):
            inputs = {"prompts": [str(self.folder / "prompts.parquet")]} | self.models
            pair = made(self.results, settings, part, inputs, {"results": self.results}, parents=self.parents)
            rows |= {row.prompt_id: row for row in read_rows(pair[0], synthetic.TABLE, SyntheticRow)}
            content |= {path.name: path.read_bytes() for path in pair}
        assert len(set(self.painter.asked)) == len(self.painter.asked)
        return set(self.painter.asked), rows, content

    def committed(self):
        groups = [json.loads(path.read_text()) for path in self.results.glob(".kept/**/rows/*.json")]
        return {row["prompt_id"] for group in groups for row in group["rows"]}

    def kept(self):
        return sorted(path.name for path in self.results.glob(".kept/synthesize/noise/*/part-*"))


@pytest.fixture
def works(tmp_path, monkeypatch):
    painter = Painter()
    monkeypatch.setattr(synthesizers, "load", painter.load)
    return Works(tmp_path, painter)


def fresh(works, folder, **made_with):
    """What a run makes that knows nothing of any other."""
    other = copy.copy(works)
    other.results = folder / "fresh"
    return other.make(**made_with)


def test_editing_one_template_makes_its_images_alone_and_the_bytes_of_a_fresh_run(works, tmp_path):
    before = works.ask(TOWN, PARK)
    painted, rows, _ = works.make()
    assert painted == rows.keys() == before
    assert {row.status for row in rows.values() if row.requested == 11} == {"rejected"}
    after = works.ask(TOWN, PARK | {"text": "{count} people in a wood"})
    painted, rows, content = works.make()
    assert painted == after - before and len(painted) == len(after) // 2
    assert rows.keys() == after
    assert content == fresh(works, tmp_path)[2]


def test_adding_and_removing_prompts_makes_what_is_new_and_keeps_the_rest(works, tmp_path):
    works.ask(TOWN)
    works.make(chunks=2)
    more = works.ask(TOWN, counts=[0, 1, 4, 11, 6])
    painted, rows, _ = works.make(chunks=2)
    assert len(painted) == 3 and {rows[key].requested for key in painted} == {6}
    fewer = works.ask(TOWN, counts=[1, 6])
    painted, rows, content = works.make(chunks=2)
    assert not painted and rows.keys() == fewer < more
    assert content == fresh(works, tmp_path, chunks=2)[2]


def test_nothing_is_loaded_where_nothing_is_to_be_made(works):
    works.ask(TOWN)
    works.make()
    loads = works.painter.loads
    assert not works.make()[0] and works.painter.loads == loads


def test_another_number_of_chunks_makes_no_image_again(works, tmp_path):
    works.ask(TOWN, PARK)
    works.make(chunks=3)
    for chunks in (2, 5, 1):
        painted, _, content = works.make(chunks=chunks)
        assert not painted
        assert content == fresh(works, tmp_path / str(chunks), chunks=chunks)[2]
    assert works.kept() == ["part-000-of-001.parquet", "part-000-of-001.zip"]


def test_a_filter_makes_no_image_again(works):
    everything = works.ask(TOWN, PARK)
    painted, _, _ = works.make(templates=["park"])
    assert not works.make(templates=["park"], counts=[0])[0]
    assert not works.make(templates=["park"], counts=[0])[0] and len(painted) == 12
    assert len(works.make()[0]) == len(everything) - 3


@pytest.mark.parametrize("change", ["options", "code", "material", "model"])
def test_whatever_else_decides_an_image_makes_all_again(works, monkeypatch, change):
    everything = works.ask(TOWN)
    weights = works.folder / "weights.bin"
    weights.write_text("one")
    works.models = {"model": [str(weights)]} if change == "model" else {}
    works.make()
    said = {"jpeg_quality": 60} if change == "options" else {}
    if change == "model":
        weights.write_text("two")
    if change == "material":
        works.parents["ingest/images.parquet"] = "b"
    if change == "code":
        monkeypatch.setattr("tests.unit.stages.test_synthesize_stage.CODE", "edited")
    assert works.make(**said)[0] == everything
    assert len(list(works.results.glob(".kept/synthesize/noise/*/part-*.zip"))) == 1


def test_what_a_revoked_edit_left_in_place_is_still_there(works):
    works.ask(TOWN)
    works.make(chunks=2)
    works.make(chunks=2, only=0, jpeg_quality=60)
    first, _, _ = works.make(chunks=2, only=0)
    second, _, _ = works.make(chunks=2, only=1)
    assert first and not second


def test_a_prompt_that_changed_sides_keeps_its_image(works):
    works.ask(TOWN)
    works.make()
    works.ask(TOWN, val_fraction=0.5)
    painted, rows, _ = works.make()
    assert not painted and {row.split for row in rows.values()} == {"train", "val"}


def test_a_killed_job_goes_on_where_it_was_even_when_the_prompts_were_edited_since(works, tmp_path):
    before = works.ask(TOWN, PARK)
    works.painter.dies_after = 9
    with pytest.raises(KeyboardInterrupt):
        works.make()
    done = set(works.painter.asked)
    assert len(done) == 9
    works.painter.dies_after = 1 << 30
    after = works.ask(TOWN, {"name": "wood", "text": "{count} people in a wood"})
    painted, rows, content = works.make()
    assert not painted & done and rows.keys() == after
    assert painted == after - done
    assert content == fresh(works, tmp_path)[2]
    assert before != after and works.kept() == ["part-000-of-001.parquet", "part-000-of-001.zip"]


def test_a_file_system_without_hard_links_keeps_copies(works, monkeypatch):
    def refused(*_):
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refused)
    works.ask(TOWN)
    works.make()
    assert not works.make()[0]


def test_links_cost_no_space(works):
    works.ask(TOWN)
    works.make()
    (zipped,) = works.results.glob(".kept/**/*.zip")
    assert zipped.stat().st_nlink == 2
    assert zipped.samefile(works.results / "synthesize" / "noise" / "part-000-of-001.zip")


def test_kept_work_that_cannot_be_read_is_made_again(works, caplog):
    everything = works.ask(TOWN)
    _, _, content = works.make()
    (zipped,) = works.results.glob(".kept/**/*.zip")
    zipped.unlink()
    zipped.write_bytes(b"no zip")
    painted, _, again = works.make()
    assert painted == everything and again == content
    assert "cannot be used again" in caplog.text


def test_a_kept_zip_that_lacks_an_image_has_it_made_again(works):
    works.ask(TOWN)
    _, rows, content = works.make()
    (zipped,) = works.results.glob(".kept/**/*.zip")
    with zipfile.ZipFile(zipped) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    lost, _ = held.popitem()
    zipped.unlink()
    with zipfile.ZipFile(zipped, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    painted, _, again = works.make()
    assert painted == {key for key, row in rows.items() if f"{row.id}.jpg" == lost} and again == content


def test_a_full_disk_loses_nothing_that_was_made(works, monkeypatch, tmp_path):
    works.ask(TOWN, PARK)
    space = [7]
    write = files.write_bytes

    def until_full(path, data):
        if not space[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        space[0] -= 1
        write(path, data)

    monkeypatch.setattr("throng.workdir.write_bytes", until_full)
    with pytest.raises(OSError, match="No space left"):
        works.make()
    assert not list(works.results.glob("synthesize/noise/*"))
    committed = works.committed()
    space[0] = 1 << 30
    painted, rows, content = works.make()
    assert committed and painted == rows.keys() - committed
    assert content == fresh(works, tmp_path)[2]


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_really_full_disk_loses_nothing_that_was_made(works, small_disk, tmp_path):
    everything = works.ask(TOWN, PARK, counts=[0, 2, 4])
    works.painter.side, works.results = 128, small_disk / "results"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(800_000))
    with pytest.raises(OSError, match="No space left") as caught:
        works.make()
    assert caught.value.errno == errno.ENOSPC
    committed = works.committed()
    assert committed and committed < everything and not list(works.results.glob("**/*.tmp"))
    assert len(works.painter.asked) <= len(committed) + 3 * Painter.batch
    ballast.unlink()
    painted, rows, content = works.make()
    assert rows.keys() == everything and painted == everything - committed
    assert content == fresh(works, tmp_path)[2]


def job_file(folder, prompts_table):
    maker = {"name": "r", "backend": "rendered", "width": 160, "height": 120, "chunks": 1}
    table = "results/synthesize/r/part-000-of-001"
    job = {
        "stage": "synthesize",
        "inputs": {"prompts": [str(prompts_table)]},
        "outputs": {"table": [f"{table}.parquet"], "pixels": [f"{table}.zip"]},
        "params": {
            "config": canonical_json({"synthesize": output_slice(Rendered.model_validate(maker)), "seed": 0}),
            "code": "code",
        },
        "wildcards": {"maker": "r", "part": "part-000-of-001"},
        "threads": 1,
        "log": "logs/job.log",
        "section": {"makers": [maker]},
        "roots": {"results": "results"},
        "log_level": "INFO",
    }
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps(job))


def start(folder):
    command = [sys.executable, str(SCRIPTS / "synthesize.py"), "--job", "job.json"]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_job_killed_for_good_loses_and_repeats_nothing(works, tmp_path):
    asked = works.ask(TOWN, PARK, counts=[0, 1, 2])
    for name in ("killed", "calm"):
        job_file(tmp_path / name, works.folder / "prompts.parquet")
    job = start(tmp_path / "killed")
    rows = tmp_path / "killed" / "results" / ".kept"
    deadline = time.monotonic() + 300
    while len(list(rows.glob("**/rows/[!.]*.json"))) < 3:
        assert job.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    job.communicate()
    done = len(list(rows.glob("**/rows/[!.]*.json")))
    resumed, calm = start(tmp_path / "killed"), start(tmp_path / "calm")
    said = resumed.communicate()[1], calm.communicate()[1]
    assert (resumed.returncode, calm.returncode) == (0, 0), said
    log = (tmp_path / "killed" / "logs" / "job.log").read_text()
    assert f"{len(asked)} prompts: 0 held out, {done} made before" in log
    for end in ("parquet", "zip"):
        one, other = (tmp_path / name / f"results/synthesize/r/part-000-of-001.{end}" for name in ("killed", "calm"))
        assert one.read_bytes() == other.read_bytes()
