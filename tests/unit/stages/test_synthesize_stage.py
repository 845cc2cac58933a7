import dataclasses
import zipfile

import pytest

from tests.unit.synthesizers.drawn import FEET, Drawing
from throng.chunks import part_name
from throng.errors import ThrongError
from throng.images import decode
from throng.manifest import read_rows, write_table
from throng.prompts import prompt_rows
from throng.provenance import Provenance
from throng.sections.label_density import LabelDensity
from throng.sections.prompt import Prompt
from throng.sections.synthesize import Composite
from throng.stage import Context, Files
from throng.stages import label_density, synthesize
from throng.stages import prompt as prompt_stage
from throng.synthesizers.composite import Compositor
from throng.tables import density_labels, detections, images, prompts, removals, synthetic
from throng.tables.density_labels import DensityLabelRow
from throng.tables.prompts import PromptRow
from throng.tables.synthetic import SyntheticRow

FOOTER = Provenance("test", {}, "code", 0)


def context(stage, drawing, part="", threads=1):
    return Context(stage, 0, threads, {"part": part} if part else {}, drawing.roots, {stage: {}}, "code", {})


class Town:
    """A small town on disk: photographs of every split, their detections and removals, and prompts."""

    def __init__(self, folder):
        self.drawing = Drawing(folder / "town")
        self.train = [self.drawing.photograph(FEET) for _ in range(3)]
        self.held = [self.drawing.photograph(FEET, split=split) for split in ("val", "test")]
        self.folder = folder / "tables"
        self.prompts = prompt_rows(0, [0, 3, 9], ["{count} people in a town"], 2, 0.0)
        self.write()

    def write(self):
        for table, rows in (
            (images.TABLE, self.drawing.images),
            (detections.TABLE, self.drawing.detections),
            (removals.TABLE, self.drawing.removals),
            (prompts.TABLE, self.prompts),
        ):
            write_table(self.path(table.name), table, rows, FOOTER)

    def path(self, name):
        return self.folder / f"{name}.parquet"

    def synthesize(self, chunks=1, threads=1, **config):
        rows, pixels = [], {}
        results = self.drawing.roots["results"]
        for part in (part_name(index, chunks) for index in range(chunks)):
            named = {name: [str(self.path(name))] for name in ("images", "detections", "removals", "prompts")}
            made = {
                name: results / "synthesize" / f"{part}.{end}"
                for name, end in (("table", "parquet"), ("pixels", "zip"))
            }
            outputs = Files({name: [str(path)] for name, path in made.items()})
            settings = Composite(chunks=chunks, min_visible=0.15, **config)
            synthesize.run(Files(named), outputs, settings, context("synthesize", self.drawing, part, threads))
            rows += read_rows(made["table"], synthetic.TABLE, SyntheticRow)
            with zipfile.ZipFile(made["pixels"]) as archive:
                pixels |= {name: archive.read(name) for name in archive.namelist()}
        return {row.id: row for row in rows}, pixels


@pytest.fixture
def town(tmp_path):
    return Town(tmp_path)


def without_path(row):
    return dataclasses.replace(row, path="")


def test_rows_and_bytes_are_the_same_in_one_chunk_or_two_by_one_thread_or_more(town):
    rows, pixels = town.synthesize(chunks=1)
    again, others = town.synthesize(chunks=2, threads=3)
    assert len(rows) == 6
    assert pixels == others
    assert {key: without_path(row) for key, row in rows.items()} == {k: without_path(row) for k, row in again.items()}


def test_rows_say_what_the_images_are(town):
    rows, pixels = town.synthesize()
    asked = {prompt.id: prompt for prompt in town.prompts}
    assert rows.keys() == asked.keys()
    for key, row in rows.items():
        assert row.status == "ok"
        assert row.requested == row.count == asked[key].count == len(row.points) == len(row.boxes)
        assert row.path == f"synthesize/part-000-of-001.zip/{key}.jpg"
        assert decode(pixels[f"{key}.jpg"]).shape == (row.height, row.width, 3) == (192, 256, 3)
        assert row.background_id in row.parents
        assert row.count or row.parents == [row.background_id]
        assert row.scene == f"source/{row.background_id}"
        assert row.split == "train"


def test_held_out_photographs_are_never_read(town):
    for name in town.held:
        (town.drawing.roots["source"] / f"{name}.png").write_bytes(b"never to be read")
        (town.drawing.roots["results"] / f"{name}.png").write_bytes(b"never to be read")
    rows, _ = town.synthesize()
    used = {parent for row in rows.values() for parent in row.parents}
    assert used and used <= set(town.train)


def test_held_out_prompts_are_rejected_not_lost(town):
    town.prompts = [dataclasses.replace(row, split="val" if row.count == 3 else "train") for row in town.prompts]
    town.write()
    rows, pixels = town.synthesize()
    assert len(rows) == 6 and len(pixels) == 4
    held = [row for row in rows.values() if row.split == "val"]
    assert {row.reason.split(":")[0] for row in held} == {"held out"}
    assert all(row.requested == 3 and row.points is None and row.path == "" for row in held)


def test_the_strictest_terms_of_all_parents_hold(town):
    town.drawing.images = [
        dataclasses.replace(row, licence="research only", redistributable=False) if row.id == town.train[0] else row
        for row in town.drawing.images
    ]
    town.write()
    rows, _ = town.synthesize()
    for row in rows.values():
        strict, free = town.train[0] in row.parents, set(row.parents) - {town.train[0]}
        expected = (["CC0-1.0"] if free else []) + (["research only"] if strict else [])
        assert row.licence == " AND ".join(expected)
        assert row.redistributable == (not strict)
    assert {row.redistributable for row in rows.values()} == {True, False}


def test_a_place_that_is_full_rejects_the_prompt(town):
    town.prompts = prompt_rows(0, [2, 3000], ["{count} people"], 1, 0.0)
    town.write()
    rows, pixels = town.synthesize()
    by_count = {row.requested: row for row in rows.values()}
    assert by_count[2].status == "ok"
    assert by_count[3000].reason.startswith("place full: ")
    assert by_count[3000].count == 0 and len(pixels) == 1


def test_edits_that_leave_somebody_are_no_backgrounds(town):
    town.drawing.removals = [
        dataclasses.replace(row, removed=row.removed[:-1], removed_count=row.removed_count - 1)
        for row in town.drawing.removals
    ]
    town.write()
    with pytest.raises(ThrongError, match="no background"):
        town.synthesize()


@pytest.mark.parametrize("recipe", ["sham", "reduce", "enlarge"])
def test_only_chains_empty_a_place(town, recipe):
    town.drawing.removals = [dataclasses.replace(row, recipe=recipe) for row in town.drawing.removals]
    town.write()
    with pytest.raises(ThrongError, match="no background"):
        town.synthesize()


def test_a_killed_job_goes_on_where_it_was(town, monkeypatch):
    calm = Compositor.synthesize
    made = []

    def dies_after_two(self, prompt):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(prompt.id)
        return calm(self, prompt)

    monkeypatch.setattr(Compositor, "synthesize", dies_after_two)
    with pytest.raises(KeyboardInterrupt):
        town.synthesize()
    before = list(made)

    def goes_on(self, prompt):
        made.append(prompt.id)
        return calm(self, prompt)

    monkeypatch.setattr(Compositor, "synthesize", goes_on)
    rows, pixels = town.synthesize()
    assert sorted(made) == sorted(row.id for row in town.prompts)
    monkeypatch.setattr(Compositor, "synthesize", calm)
    assert (rows, pixels) == town.synthesize()
    assert len(before) == 2


def test_the_prompt_stage_writes_its_table(tmp_path):
    drawing = Drawing(tmp_path / "town")
    path = tmp_path / "prompts.parquet"
    prompt_stage.run(Files({}), Files({"prompts": [str(path)]}), Prompt(), context("prompt", drawing))
    rows = read_rows(path, prompts.TABLE, PromptRow)
    assert len(rows) == 7 * 2 * 3
    assert max(row.seed for row in rows) > 2**63
    first = path.read_bytes()
    prompt_stage.run(Files({}), Files({"prompts": [str(path)]}), Prompt(), context("prompt", drawing))
    assert path.read_bytes() == first


def test_every_good_row_gets_a_density_label(town):
    known = {0: 10, 1: 11, 2: 31}
    town.drawing.images = [
        dataclasses.replace(row, count=known.get(index), points=None) for index, row in enumerate(town.drawing.images)
    ]
    town.drawing.images[4] = dataclasses.replace(town.drawing.images[4], status="rejected", reason="broken: file")
    town.write()
    town.prompts = prompt_rows(0, [0, 20], ["{count} people"], 1, 0.0)
    parts = [
        SyntheticRow(
            row.id, row.count, row.count, [], [], "x", "", 1, 1, "train", "", "", [], "", True, "composite", "ok", ""
        )
        for row in town.prompts
    ]
    write_table(town.path("synthetic"), synthetic.TABLE, parts, FOOTER)
    inputs = Files({"images": [str(town.path("images"))], "synthetic": [str(town.path("synthetic"))]})
    outputs = Files({"table": [str(town.path("density_labels"))]})
    label_density.run(inputs, outputs, LabelDensity(), context("label_density", town.drawing))
    rows = read_rows(town.path("density_labels"), density_labels.TABLE, DensityLabelRow)
    labels = {(row.table, row.count): (row.density_class, row.class_name, row.score) for row in rows}
    assert labels == {
        ("images", 10): (0, "low", 10.0),
        ("images", 11): (1, "medium", 11.0),
        ("images", 31): (2, "high", 31.0),
        ("images", None): (None, "", None),
        ("synthetic", 0): (0, "low", 0.0),
        ("synthetic", 20): (1, "medium", 20.0),
    }
    assert {row.reason.split(":")[0] for row in rows if row.status == "rejected"} == {"unlabelled"}
    assert {row.method for row in rows} == {"threshold"}
