"""Stages detect, remove and rank_pairs, run as a job runs them, on drawn photographs."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.contract.test_detectors import image_row, person
from throng import detectors
from throng.detectors.protocol import Found, Photograph
from throng.errors import ThrongError
from throng.images import ImageStore, decode, encode_png, image_id
from throng.manifest import read_footer, read_rows, write_table
from throng.provenance import Provenance
from throng.sections.detect import Annotations
from throng.sections.rank_pairs import RankPairs
from throng.sections.remove import OpenCV, Remove
from throng.stage import Context, Files
from throng.stages import detect, rank_pairs, remove
from throng.tables import detections, images, ranked_pairs, removals
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow

PARTS = ["part-000-of-002", "part-001-of-002"]
SMALL = OpenCV(dilation_px=2, dilation_share=0.0, shadow_share=0.05)


class Job:
    """A folder with photographs, their table, and the stages run in it."""

    def __init__(self, folder: Path, rows: list[ImageRow]) -> None:
        self.folder, self.rows = folder, rows
        self.images = folder / "results" / "ingest" / "images.parquet"
        write_table(self.images, images.TABLE, rows, Provenance("ingest", {}, "", 0))

    def context(self, stage: str, part: str | None = None, seed: int = 0) -> Context:
        roots = {"results": self.folder / "results", "here": self.folder / "photographs"}
        wildcards = {} if part is None else {"part": part}
        return Context(stage, seed, 2, wildcards, roots, {}, "code", {})

    def path(self, name: str) -> str:
        return str(self.folder / "results" / name)

    def detect(self, config=None) -> list[DetectionRow]:
        for part in PARTS:
            inputs = Files({"images": [str(self.images)], "model": []})
            outputs = Files({"table": [self.path(f"detect/{part}.parquet")]})
            detect.run(inputs, outputs, config or Annotations(), self.context("detect", part))
        tables = [Path(self.path(f"detect/{part}.parquet")) for part in PARTS]
        return read_rows(tables, detections.TABLE, DetectionRow)

    def remove(
        self, config: Remove = SMALL, seed: int = 0, *, weights: Path | None = None, models: Sequence[str] = ()
    ) -> list[RemovalRow]:
        for part in PARTS:
            inputs = Files(
                {
                    "images": [str(self.images)],
                    "detections": self.tables("detect"),
                    "model": [] if weights is None else [str(weights)],
                    "check_models": list(models),
                }
            )
            outputs = Files(
                {"table": [self.path(f"remove/{part}.parquet")], "pixels": [self.path(f"remove/{part}.zip")]}
            )
            remove.run(inputs, outputs, config, self.context("remove", part, seed))
        return read_rows([Path(p) for p in self.tables("remove")], removals.TABLE, RemovalRow)

    def pair(self) -> list[RankedPairRow]:
        inputs = Files({"images": [str(self.images)], "removals": self.tables("remove")})
        outputs = Files({"table": [self.path("pairs.parquet")]})
        rank_pairs.run(inputs, outputs, RankPairs(), self.context("rank_pairs"))
        return read_rows(Path(self.path("pairs.parquet")), ranked_pairs.TABLE, RankedPairRow)

    def tables(self, stage: str) -> list[str]:
        return [self.path(f"{stage}/{part}.parquet") for part in PARTS]

    def pixels(self, source: str, path: str) -> np.ndarray:
        store = ImageStore(self.context("x").roots)
        data = store.read_bytes(source, path)
        store.close()
        return decode(data)


def photograph(
    folder: Path, name: str, people: list | None, *, size=(120, 160), content: bytes | None = None, copy: str = ""
) -> ImageRow:
    """Draw people as white columns on a textured ground and save them, under another name as a copy."""
    height, width = size
    pixels = np.random.default_rng(len(name) + sum(map(ord, name))).integers(60, 200, (height, width, 3), np.uint8)
    for someone in people or []:
        box = someone["visible"]
        top, left = max(int(box["y"]), 0), max(int(box["x"]), 0)
        pixels[top : int(box["y"] + box["h"]), left : int(box["x"] + box["w"])] = 255
    data = content if content is not None else encode_png(pixels)
    path = folder / "photographs" / f"{copy or name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    row = image_row(height, width, image_id(data), people=people)
    return dataclasses.replace(row, path=path.name, sha256=hashlib.sha256(data).hexdigest(), scene=name)


FOUR = [person((10 + 38 * index, 30, 14, 60)) for index in range(4)]


@pytest.fixture
def job(tmp_path) -> Job:
    rows = [
        photograph(tmp_path, "four", FOUR),
        photograph(tmp_path, "two", FOUR[:2]),
        photograph(tmp_path, "nobody", []),
        photograph(tmp_path, "unlabelled", None),
        photograph(tmp_path, "dot", [person((0, 0, 1, 1))], size=(1, 1)),
        photograph(tmp_path, "broken", FOUR, content=b"\x89PNG no image"),
        dataclasses.replace(photograph(tmp_path, "bad", FOUR), status="rejected", reason="truncated: x"),
        photograph(tmp_path, "four", FOUR, copy="copy-of-four"),
    ]
    return Job(tmp_path, rows)


def by_scene(job: Job, rows: list[RemovalRow], recipe: str = removals.CHAIN) -> dict[str, list[RemovalRow]]:
    scenes = {row.id: row.scene for row in job.rows}
    made: dict[str, list[RemovalRow]] = {}
    for row in rows:
        if row.recipe == recipe:
            made.setdefault(scenes[row.parent_id], []).append(row)
    return made


def test_every_ok_photograph_is_accounted_for_once(job):
    found = job.detect()
    assert len(found) == len({row.id for row in found}) == 6
    rows = job.remove()

    def outcome(recipe: str) -> dict[str, list]:
        return {
            scene: [(row.level, row.removed_count, row.status, row.reason.split(":")[0]) for row in rows]
            for scene, rows in by_scene(job, rows, recipe).items()
        }

    assert outcome(removals.CHAIN) == {
        "four": [(1, 1, "ok", ""), (2, 2, "ok", ""), (3, 3, "ok", ""), (4, 4, "ok", "")],
        "two": [(1, 1, "ok", ""), (2, 2, "ok", "")],
        "nobody": [(0, 0, "rejected", "nobody")],
        "unlabelled": [(0, 0, "rejected", "undetected")],
        "dot": [(1, 1, "rejected", "masked")],
        "broken": [(0, 0, "rejected", "unreadable")],
    }
    assert outcome(removals.SHAM) == {
        "four": [(level, 0, "ok", "") for level in (1, 2, 3, 4)],
        "two": [(1, 0, "ok", ""), (2, 0, "ok", "")],
        "dot": [(1, 0, "rejected", "masked")],
    }


def test_edits_show_exactly_who_is_left_and_nothing_else_changes(job):
    found = {row.id: row for row in job.detect()}
    rows = [row for row in job.remove() if row.status == "ok"]
    photographs = {row.id: row for row in job.rows}
    assert len(rows) == 6 + 6
    for row in rows:
        source = job.pixels("here", photographs[row.parent_id].path)
        edited = job.pixels("results", row.path)
        assert (row.height, row.width) == edited.shape[:2]
        for index, someone in enumerate(found[row.parent_id].people):
            x, y, w, h = (int(someone[name]) for name in ("x", "y", "w", "h"))
            body = np.s_[y : y + h, x : x + w]
            assert np.array_equal(edited[body], source[body]) == (index not in row.removed)
        if row.recipe == removals.CHAIN:
            assert np.array_equal(edited[:20], source[:20])


def test_pairs_follow_the_chains(job):
    job.detect()
    job.remove()
    pairs = job.pair()
    assert sum(pair.relation == "more" for pair in pairs if pair.kind in ("real-edited", "edited-edited")) == 10 + 3
    for pair in pairs:
        if pair.relation == "more":
            assert pair.delta == len(pair.removed) >= 1
        assert not np.array_equal(
            job.pixels(pair.more_source, pair.more_path), job.pixels(pair.fewer_source, pair.fewer_path)
        )


def test_a_second_run_elsewhere_gives_the_same_bytes_and_another_seed_does_not(job, tmp_path):
    job.detect()
    job.remove()
    job.pair()
    names = ["pairs.parquet", *[f"{stage}/{part}.parquet" for stage in ("detect", "remove") for part in PARTS]]
    names += [f"remove/{part}.zip" for part in PARTS]
    first = {name: Path(job.path(name)).read_bytes() for name in names}
    again = Job(tmp_path / "elsewhere", job.rows)
    (tmp_path / "photographs").rename(tmp_path / "elsewhere" / "photographs")
    again.detect()
    again.remove()
    again.pair()
    assert {name: Path(again.path(name)).read_bytes() for name in names} == first
    again.remove(seed=1)
    assert any(Path(again.path(name)).read_bytes() != first[name] for name in names if name.startswith("remove/"))
    assert [path for path in (tmp_path / "elsewhere" / "results" / ".work").rglob("*") if path.is_file()] == []


def test_a_mask_over_most_of_the_image_rejects_that_level_alone(job):
    job.detect()
    four = by_scene(job, job.remove(SMALL.model_copy(update={"max_masked": 0.12})))["four"]
    assert [row.status for row in four] == ["ok", "rejected", "rejected", "rejected"]
    assert four[1].path == ""
    assert four[3].removed == [0, 1, 2, 3]
    assert "of the image would be painted over, the limit is 12%" in four[1].reason


class OnceFailing:
    """A detector that reads pixels and dies on its second batch, the first time."""

    batch, reads_pixels = 2, True
    model = {"file": "x", "sha256": "ab" * 32}  # noqa: RUF012
    calls: list[int] = []  # noqa: RUF012
    broken = True

    def prepare(self, photograph: Photograph) -> Photograph:
        return photograph

    def detect(self, photographs: list[Photograph]) -> list[Found]:
        if OnceFailing.broken and len(self.calls) == 1:
            raise KeyboardInterrupt
        self.calls.append(len(photographs))
        assert len({p.pixels.shape for p in photographs if p.pixels is not None}) == 1
        return [Found([{"x": 0, "y": 0, "w": 1, "h": 1, "score": 0.5, "mask": None}]) for _ in photographs]


def test_a_killed_detection_goes_on_where_it_stopped_and_an_unreadable_image_is_one_rejected_row(job, monkeypatch):
    monkeypatch.setattr(detectors, "load", lambda *_: OnceFailing())
    monkeypatch.setattr("tests.unit.stages.test_pair_stages.PARTS", ["part-000-of-001"], raising=False)
    with pytest.raises(KeyboardInterrupt):
        job.detect()
    monkeypatch.setattr(OnceFailing, "broken", False)
    found = {row.id: row for row in job.detect()}
    assert sum(OnceFailing.calls) == 5
    scenes = {row.scene: row.id for row in job.rows}
    broken = found[scenes["broken"]]
    assert (broken.status, broken.people) == ("rejected", [])
    assert broken.reason == "unreadable: the bytes are no image that can be decoded"
    assert found[scenes["four"]].status == "ok"
    footer = read_footer(Path(job.path("detect/part-000-of-001.parquet")))
    assert footer["model"] == {"file": "x", "sha256": "ab" * 32}
    assert "results" not in json.dumps(footer)


def test_detections_of_other_images_are_named(job):
    job.detect()
    rows = [*job.rows, photograph(job.folder, "late", FOUR)]
    late = Job(job.folder, rows)
    with pytest.raises(ThrongError, match="loses rows"):
        late.remove()


def test_splits_that_are_not_edited_stay_as_rows(job):
    job.detect()
    rows = job.remove(SMALL.model_copy(update={"splits": ["val", "test"]}))
    assert len(rows) == 6
    assert {(row.status, row.reason) for row in rows} == {("rejected", "split: train is not in remove.splits")}
