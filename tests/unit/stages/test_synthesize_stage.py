import dataclasses
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.synthesizers.drawn import FEET, Drawing
from throng.chunks import part_name
from throng.errors import ThrongError
from throng.images import decode
from throng.manifest import read_rows, read_table, write_table
from throng.prompts import prompt_rows
from throng.provenance import Provenance
from throng.sections.prompt import Prompt
from throng.sections.synthesize import Composite
from throng.stage import Context, Files
from throng.stages import gather_material, synthesize
from throng.stages import prompt as prompt_stage
from throng.synthesizers.composite import Compositor
from throng.synthesizers.gathered import read_gathered
from throng.tables import detections, images, prompts, removals, synthetic
from throng.tables.prompts import PromptRow
from throng.tables.synthetic import SyntheticRow

CODE = "code"
FOOTER = Provenance("test", {}, "code", 0)
CROWD = {"name": "crowd", "text": "a crowd in a town", "density": "sparse", "people": [2, 6]}


def asked_for(counts, repeats=1, *more):
    section = {"counts": counts, "repeats": repeats, "templates": [{"name": "town", "text": "{count} people"}, *more]}
    return list(prompt_rows(0, Prompt.model_validate(section)))


class Town:
    """A small town on disk: photographs of every split, their detections and removals, and prompts."""

    def __init__(self, folder):
        self.drawing = Drawing(folder / "town")
        self.train = [self.drawing.photograph(FEET) for _ in range(3)]
        self.held = [self.drawing.photograph(FEET, split=split) for split in ("val", "test")]
        self.folder = folder / "tables"
        self.prompts = asked_for([0, 3, 9], 2, CROWD)
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
        settings = Composite(
            **{"name": "pasted", "chunks": chunks, "min_visible": 0.15, "repeat_cutouts": True, **config}
        )
        named = self.gather(settings, threads) | {"prompts": [str(self.path("prompts"))]}
        rows, pixels = [], {}
        for part in (part_name(index, chunks) for index in range(chunks)):
            table, archive = made(self.drawing.roots["results"], settings, part, named, self.drawing.roots, threads)
            rows += read_rows(table, synthetic.TABLE, SyntheticRow)
            with zipfile.ZipFile(archive) as opened:
                pixels |= {name: opened.read(name) for name in opened.namelist()}
        return {row.prompt_id: row for row in rows}, pixels

    def gather(self, settings, threads=1):
        """Run stage gather_material and return its outputs as inputs of the next stage."""
        folder = self.folder / "material" / settings.name
        inputs = {name: [str(self.path(name))] for name in ("images", "detections", "removals")}
        outputs = {"material": [str(folder / "material.json")], "pixels": [str(folder / "material.zip")]}
        context = Context("gather_material", 0, threads, {"maker": settings.name}, self.drawing.roots, {}, CODE, {})
        gather_material.run(Files(inputs), Files(outputs), settings.gathering, context)
        return {"material": outputs["material"], "material_pixels": outputs["pixels"]}


def made(results, settings, part, inputs, roots, threads=1, parents=None):
    """Run the stage as Snakemake would, which deletes what a job made before, and return its table and its zip."""
    folder = results / "synthesize" / settings.name
    outputs = {"table": folder / f"{part}.parquet", "pixels": folder / f"{part}.zip"}
    for path in outputs.values():
        path.unlink(missing_ok=True)
    wildcards = {"maker": settings.name, "part": part}
    context = Context("synthesize", 0, threads, wildcards, roots, {"synthesize": {}}, CODE, parents or {})
    files = Files({name: [str(path)] for name, path in outputs.items()})
    synthesize.run(Files(inputs), files, settings, context)
    return outputs["table"], outputs["pixels"]


@pytest.fixture
def town(tmp_path):
    return Town(tmp_path)


def without_path(row):
    return dataclasses.replace(row, path="")


def test_rows_and_bytes_are_the_same_in_one_chunk_or_two_by_one_thread_or_more(town):
    rows, pixels = town.synthesize(chunks=1)
    again, others = town.synthesize(chunks=2, threads=3)
    assert len(rows) == 8
    assert pixels == others
    assert {key: without_path(row) for key, row in rows.items()} == {k: without_path(row) for k, row in again.items()}


def test_rows_say_what_the_images_are(town):
    rows, pixels = town.synthesize()
    asked = {prompt.id: prompt for prompt in town.prompts}
    assert rows.keys() == asked.keys()
    for key, row in rows.items():
        assert row.status == "ok"
        assert (row.requested, row.density) == (asked[key].count, asked[key].density)
        assert asked[key].fewest <= row.count <= asked[key].most
        assert row.count == len(row.points) == len(row.boxes) == len(row.masks)
        assert (row.maker, row.backend) == ("pasted", "composite")
        assert row.path == f"synthesize/pasted/part-000-of-001.zip/{row.id}.jpg"
        assert decode(pixels[f"{row.id}.jpg"]).shape == (row.height, row.width, 3) == (192, 256, 3)
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
    assert len(rows) == 8 and len(pixels) == 6
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
    town.prompts = asked_for([2, 3000])
    town.write()
    rows, pixels = town.synthesize()
    by_count = {row.requested: row for row in rows.values()}
    assert by_count[2].status == "ok"
    assert by_count[3000].reason.startswith("place full: ")
    assert by_count[3000].count is None and len(pixels) == 1


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


def test_another_maker_makes_other_rows_of_the_same_prompts(town):
    one, _ = town.synthesize()
    two, _ = town.synthesize(name="other")
    assert one.keys() == two.keys()
    assert not {row.id for row in one.values()} & {row.id for row in two.values()}


def test_a_maker_makes_what_its_filters_choose(town):
    rows, pixels = town.synthesize(counts=[3], densities=[])
    assert len(rows) == len(pixels) == 2 and {row.requested for row in rows.values()} == {3}
    rows, _ = town.synthesize(templates=["crowd"])
    assert {row.density for row in rows.values()} == {"sparse"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"counts": [3, 4]}, "no prompt is among counts 4; there are: 0, 3, 9"),
        ({"densities": ["dense"]}, "no prompt is among densities dense; there are: sparse"),
        ({"templates": ["twon"]}, "no prompt is among templates twon; there are: crowd, town"),
        ({"counts": [], "densities": []}, "choose no prompt; the table has 8 with counts 0, 3, 9; densities sparse"),
    ],
)
def test_a_filter_that_chooses_nothing_says_what_there_is(town, config, said):
    with pytest.raises(ThrongError, match=said) as caught:
        town.synthesize(**config)
    assert "synthesize.makers, 'pasted': " in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"count": -2, "fewest": -2, "most": -2}, "count is -2, expected 0 or more people"),
        ({"count": 5}, "expected a range of people that holds the count"),
        ({"count": None}, "expected a count or one of none, sparse, dense"),
        ({"density": "sparse"}, "expected a count or one of none, sparse, dense"),
        ({"text": ""}, "its text is empty"),
        ({"seed": 4}, "its id is not the hash of its content"),
        ({"split": "holdout"}, "split is 'holdout', expected one of train, val, test"),
    ],
)
def test_a_bad_prompt_is_refused_by_name(town, wrong, said):
    town.prompts = [dataclasses.replace(town.prompts[2], **wrong), *town.prompts[3:]]
    town.write()
    with pytest.raises(ThrongError, match=f"prompts.parquet, prompt {town.prompts[0].id}: .*{said}"):
        town.synthesize()


def test_a_prompt_that_is_there_twice_is_refused(town):
    table = read_table(town.path("prompts"), prompts.TABLE)
    footer = pq.read_schema(town.path("prompts")).metadata
    twice = pa.concat_tables([table, table.slice(1, 1)]).replace_schema_metadata(footer)
    pq.write_table(twice, town.path("prompts"))
    with pytest.raises(ThrongError, match=f"prompt {table['id'][1]} is there twice"):
        town.synthesize()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"points": []}, "count 3 and .* points, boxes or masks"),
        ({"masks": []}, "count 3 and .* points, boxes or masks"),
        ({"count": None}, "count None and .* points, boxes or masks"),
        ({"count": 0, "points": [], "boxes": [], "masks": []}, "0 people, asked for 3 to 3"),
    ],
)
def test_a_wrong_label_is_never_written(town, monkeypatch, wrong, said):
    town.prompts = asked_for([3])
    town.write()
    calm = Compositor.synthesize
    monkeypatch.setattr(
        Compositor, "synthesize", lambda self, asked: [dataclasses.replace(one, **wrong) for one in calm(self, asked)]
    )
    with pytest.raises(ThrongError, match=said):
        town.synthesize()
    assert not list(town.drawing.roots["results"].glob("synthesize/*/*"))


def test_material_is_the_same_bytes_again_and_by_more_threads(town):
    settings = Composite(name="pasted")

    def gathered(threads):
        return [Path(path).read_bytes() for (path,) in town.gather(settings, threads).values()]

    assert gathered(1) == gathered(1) == gathered(3)
    assert not list((town.drawing.roots["results"] / ".work").rglob("*.png"))


@pytest.mark.parametrize("damage", ["cut", "another's"])
def test_damaged_material_is_refused_by_name(town, damage):
    listing, archive = (Path(path) for (path,) in town.gather(Composite(name="pasted")).values())
    if damage == "cut":
        listing.write_bytes(listing.read_bytes()[:-100])
    else:
        archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    with pytest.raises(ThrongError, match=r"material\.json: not what stage gather_material .*run the stage again"):
        read_gathered(listing, archive)


def test_the_prompt_stage_writes_its_table(tmp_path):
    own, path = tmp_path / "mine.csv", tmp_path / "prompts.parquet"
    own.write_text("text,count\na choir of seven,7\n")
    context = Context("prompt", 0, 1, {}, {}, {"prompt": {}}, "code", {})
    section = Prompt(counts=[0, 7], own="mine.csv")

    def run():
        prompt_stage.run(Files({"own": [str(own)]}), Files({"prompts": [str(path)]}), section, context)
        return path.read_bytes()

    first = run()
    rows = read_rows(path, prompts.TABLE, PromptRow)
    assert {row.text for row in rows if row.template == "file"} == {"a choir of seven"}
    assert len(rows) == 1 + len(list(prompt_rows(0, section)))
    assert run() == first
