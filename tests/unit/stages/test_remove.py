"""Stage remove: chains, shams, variants, checks and second tries, whatever the backend and however it is fed."""

import dataclasses
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import inpainters
from tests.contract.test_detectors import image_row, person
from tests.unit.stages.test_pair_stages import FOUR, Job, photograph
from throng import detectors, removers, rle
from throng.detectors.protocol import Found, Photograph
from throng.images import decode, encode_png
from throng.removers.plan import Planner
from throng.removers.protocol import Request
from throng.removers.rows import Rows
from throng.removers.waves import Editor
from throng.sections.detectors import Ultralytics
from throng.sections.remove import Check, Lama, OpenCV, Variants
from throng.stages import remove
from throng.tables import removals
from throng.tables.detections import Detection, DetectionRow
from throng.tables.removals import RemovalRow

SMALL = {"dilation_px": 2.0, "dilation_share": 0.0, "shadow_share": 0.05, "feather_px": 1.0}
CHECK = Check(detectors=[Ultralytics(model="any.onnx")])
MANY = [person((6 + 30 * column, 10 + 60 * row, 12, 40)) for row in range(2) for column in range(5)]


class Noise:
    """Paints noise drawn from the seed; remembers how it was called."""

    def __init__(
        self, *, batch: int = 1, parallel: bool = False, random: bool = True, recipes=("chain", "sham")
    ) -> None:
        self.batch, self.parallel, self.random, self.recipes = batch, parallel, random, recipes
        self.model, self.options = {"sha256": "ab" * 32}, {"steps": 3}
        self.calls: list[list[Request]] = []

    def edit(self, requests: Sequence[Request]) -> list[np.ndarray | str]:
        self.calls.append(list(requests))
        made: list[np.ndarray | str] = []
        for request in requests:
            noise = np.random.default_rng(request.seed).integers(0, 256, request.image.shape, np.uint8)
            made.append(noise if request.mask is None else np.where(request.mask[..., None], noise, request.image))
        return made


class Eyes:
    """A detector whose answers a function of the pixels decides."""

    batch, reads_pixels, model = 4, True, None

    def __init__(self, see) -> None:
        self._see = see

    def prepare(self, photograph: Photograph) -> Photograph:
        return photograph

    def detect(self, photographs: Sequence[Photograph]) -> list[Found]:
        return [Found(self._see(one.pixels)) for one in photographs]


def people_of(boxes: list) -> list[Detection]:
    return [Detection(**box["visible"], score=0.9, mask=None) for box in boxes]


def white_columns(boxes: list):
    """See the people whose pixels are all still there."""

    def see(pixels: np.ndarray) -> list[Detection]:
        def there(one: Detection) -> bool:
            x, y, w, h = (int(one[name]) for name in ("x", "y", "w", "h"))
            return bool((pixels[y : y + h, x : x + w] == 255).all())

        return [one for one in people_of(boxes) if there(one)]

    return see


@pytest.fixture
def job(tmp_path) -> Job:
    rows = [photograph(tmp_path, f"crowd {number}", MANY, size=(140, 400)) for number in range(5)]
    made = Job(tmp_path, [*rows, photograph(tmp_path, "four", FOUR)])
    made.detect()
    return made


def with_remover(monkeypatch, remover) -> None:
    monkeypatch.setattr(removers, "load", lambda *_: remover)


def by_parent(rows: Sequence[RemovalRow], recipe: str = removals.CHAIN) -> list[list[RemovalRow]]:
    wanted = [row for row in rows if row.recipe == recipe]
    return [list(some) for _, some in itertools.groupby(wanted, key=lambda row: row.parent_id)]


def mask_of(row: RemovalRow) -> np.ndarray:
    assert row.mask is not None
    return rle.decode(row.mask, row.height, row.width)


def test_each_level_is_edited_from_the_one_before_where_its_mask_grows(job, monkeypatch):
    with_remover(monkeypatch, Noise())
    chains = by_parent(job.remove(OpenCV(**SMALL)))
    assert len(chains) == 6
    for chain in chains:
        paths = {row.id: row.path for row in job.rows} | {row.id: row.path for row in chain}
        painted = np.zeros((chain[0].height, chain[0].width), bool)
        assert [row.base_id for row in chain] == [chain[0].parent_id, *[row.id for row in chain[:-1]]]
        for row in chain:
            source = "here" if row.base_id == row.parent_id else "results"
            before, after = job.pixels(source, paths[row.base_id]), job.pixels("results", row.path)
            mask = mask_of(row)
            assert not (painted & ~mask).any()
            assert not ((before != after).any(axis=2) & (painted | ~mask)).any()
            painted = mask
            assert row.attempts == 1
            assert row.removed_count == row.areas == len(row.removed)
            assert row.options == '{"model":{"sha256":"' + "ab" * 32 + '"},"steps":3}'


def test_shams_paint_as_many_areas_and_touch_nobody(job, monkeypatch):
    with_remover(monkeypatch, Noise())
    rows = job.remove(OpenCV(**SMALL, shams=2))
    levels = {(row.parent_id, row.level): row for row in rows if row.recipe == removals.CHAIN}
    shams = [row for row in rows if row.recipe == removals.SHAM]
    assert {row.level for row in shams} == {1, 2}
    made = [row for row in shams if row.status == "ok"]
    assert len(made) >= 6
    people = {row.id: row.people for row in job.rows}
    for row in made:
        assert (row.removed, row.removed_count, row.base_id) == ([], 0, row.parent_id)
        assert row.areas == levels[row.parent_id, row.level].areas
        mask = mask_of(row)
        for someone in people[row.parent_id] or []:
            x, y, w, h = (int(value) for value in (someone["visible"] or {}).values())
            assert not mask[y : y + h, x : x + w].any()


@pytest.mark.parametrize("remover", [Noise(batch=4), Noise(batch=3, parallel=True), Noise(batch=100)])
def test_nothing_depends_on_the_grouping(job, monkeypatch, remover):
    def outcome(remover: Noise) -> tuple[list[RemovalRow], list[bytes]]:
        with_remover(monkeypatch, remover)
        rows = job.remove(OpenCV(**SMALL, check=CHECK), models=["any.onnx"])
        return rows, [
            Path(job.path(f"remove/{part}.zip")).read_bytes() for part in ("part-000-of-002", "part-001-of-002")
        ]

    monkeypatch.setattr(detectors, "load", lambda *_: Eyes(white_columns(MANY)))
    assert outcome(remover) == outcome(Noise(batch=1))


def test_a_wave_is_one_call_for_all_photographs_of_a_group(job, monkeypatch):
    remover = Noise(batch=100)
    with_remover(monkeypatch, remover)
    monkeypatch.setattr("tests.unit.stages.test_pair_stages.PARTS", ["part-000-of-001"])
    job.detect()
    rows = job.remove(OpenCV(**SMALL))
    assert len(remover.calls) == 4
    assert {request.recipe for request in remover.calls[0]} == {"chain", "sham"}
    assert {request.recipe for call in remover.calls[1:] for request in call} == {"chain"}
    assert sum(map(len, remover.calls)) == sum(row.status == "ok" for row in rows)


class Stubborn(Noise):
    """Leaves what it is to paint as it is, as long as a function of recipe and number of tries says so."""

    def __init__(self, leaves, **others) -> None:
        super().__init__(**others)
        self._leaves = leaves
        self._tries: dict[tuple[str, bytes, bytes], int] = {}

    def edit(self, requests: Sequence[Request]) -> list[np.ndarray | str]:
        made = super().edit(requests)
        for place, request in enumerate(requests):
            assert request.mask is not None
            key = (request.recipe, request.image.tobytes(), request.mask.tobytes())
            self._tries[key] = self._tries.get(key, 0) + 1
            if self._leaves(request, self._tries[key]):
                made[place] = request.image.copy()
        return made


def test_what_fails_the_check_is_tried_once_more_with_another_seed(job, monkeypatch):
    remover = Stubborn(lambda request, tries: request.recipe == "chain" and tries == 1)
    with_remover(monkeypatch, remover)
    monkeypatch.setattr(detectors, "load", lambda *_: Eyes(white_columns(MANY)))
    rows = job.remove(OpenCV(**SMALL, check=CHECK), models=["any.onnx"])
    chain = next(chain for chain in by_parent(rows) if chain[0].detected_count == 10)
    assert [(row.status, row.attempts, row.residual) for row in chain] == [("ok", 2, 0)] * 4
    assert [(row.count_before, row.count_after) for row in chain] == [(10, 10 - len(row.removed)) for row in chain]
    assert {row.attempts for row in rows if row.recipe == removals.SHAM} <= {0, 1}
    seeds = [request.seed for call in remover.calls for request in call]
    assert len(set(seeds)) == len(seeds)


def test_what_fails_twice_is_rejected_and_the_chain_goes_on_from_the_last_kept_level(job, monkeypatch):
    counts: dict[int, int] = {}

    def second_level(request: Request, tries: int) -> bool:
        white = int((request.image == 255).all(axis=2).sum())
        counts.setdefault(white, len(counts))
        return (
            request.recipe == "chain" and counts[white] == 1 and request.mask is not None and request.mask.sum() < 3000
        )

    with_remover(monkeypatch, Stubborn(second_level))
    monkeypatch.setattr(detectors, "load", lambda *_: Eyes(white_columns(MANY)))
    chain = next(
        chain
        for chain in by_parent(job.remove(OpenCV(**SMALL, check=CHECK), models=["any.onnx"]))
        if any(row.status == "rejected" and row.attempts == 2 for row in chain)
    )
    statuses = [row.status for row in chain]
    place = statuses.index("rejected")
    assert chain[place].reason.startswith("residual: ")
    assert chain[place].path == ""
    kept = [row for row in chain if row.status == "ok"]
    assert [row.base_id for row in kept] == [chain[0].parent_id, *[row.id for row in kept[:-1]]]


def test_a_backend_that_is_not_random_is_asked_once(job, monkeypatch):
    with_remover(monkeypatch, Stubborn(lambda *_: True, random=False))
    monkeypatch.setattr(detectors, "load", lambda *_: Eyes(white_columns(MANY)))
    chain = next(
        chain
        for chain in by_parent(job.remove(OpenCV(**SMALL, check=CHECK), models=["any.onnx"]))
        if chain[0].detected_count == 10
    )
    assert {(row.status, row.attempts, row.reason.split(":")[0]) for row in chain} == {("rejected", 1, "residual")}
    assert {row.base_id for row in chain} == {chain[0].parent_id}


def test_a_removers_own_refusal_is_the_rows_reason(job, monkeypatch):
    class Refusing(Noise):
        def edit(self, requests: Sequence[Request]) -> list[np.ndarray | str]:
            self.calls.append(list(requests))
            return ["flagged: by the safety checker"] * len(requests)

    with_remover(monkeypatch, Refusing())
    rows = job.remove(OpenCV(**SMALL))
    assert {row.reason for row in rows if row.attempts == 2} == {"flagged: by the safety checker"}
    assert not any(row.status == "ok" for row in rows)


def test_variants_are_judged_by_count_and_tried_again(job, monkeypatch):
    class Rendering(Variants):
        backend: str = "rendering"

    def see(pixels: np.ndarray) -> list[Detection]:
        """See ten people in a photograph, and in a rendering as many as its first pixel says."""
        drawn = (pixels == 255).all(axis=2).any()
        return people_of(MANY * 2)[: 10 if drawn else int(pixels[0, 0, 0]) % 20]

    remover = Noise(batch=2, recipes=("reduce", "enlarge"))
    with_remover(monkeypatch, remover)
    monkeypatch.setattr(detectors, "load", lambda *_: Eyes(see))
    rows = job.remove(Rendering(reduced=4, enlarged=2, check=CHECK), models=["any.onnx"])
    assert {(row.recipe, row.level) for row in rows} == {("reduce", n) for n in (1, 2, 3, 4)} | {
        ("enlarge", 1),
        ("enlarge", 2),
    }
    for row in rows:
        assert (row.mask, row.removed, row.removed_count, row.residual) == (None, [], None, None)
        assert row.count_after is not None
        fewer, more = row.count_after < 10, row.count_after > 10
        assert (row.status == "ok") == (fewer if row.recipe == "reduce" else more)
        assert row.status == "ok" or (row.attempts, row.reason[:4]) == (2, "not ")
    assert all(request.mask is None for call in remover.calls for request in call)


class Dying(Noise):
    """Dies in its third call."""

    def edit(self, requests: Sequence[Request]) -> list[np.ndarray | str]:
        if len(self.calls) == 2:
            raise KeyboardInterrupt
        return super().edit(requests)


def test_a_killed_job_goes_on_with_the_groups_that_are_not_finished(job, monkeypatch):
    monkeypatch.setattr("tests.unit.stages.test_pair_stages.PARTS", ["part-000-of-001"])
    job.detect()
    quick = OpenCV(**SMALL, kept=[0.5], shams=0)
    monkeypatch.setattr(remove, "IN_FLIGHT", 1)
    with_remover(monkeypatch, Dying(batch=2))
    with pytest.raises(KeyboardInterrupt):
        job.remove(quick)
    second = Noise(batch=2)
    with_remover(monkeypatch, second)
    resumed = job.remove(quick)
    assert len(second.calls) == 1
    with_remover(monkeypatch, Noise(batch=2))
    assert job.remove(quick) == resumed


@pytest.mark.parametrize("size", [None, 64])
def test_lama_goes_through_the_stage(job, tmp_path, size):
    model = inpainters.build(tmp_path / "mean.onnx", size=size)
    rows = job.remove(Lama(model=str(model), size=size, context=8, **SMALL), weights=model)
    assert {row.status for row in rows if row.recipe == removals.CHAIN} == {"ok"}
    assert '"file":"mean.onnx"' in rows[0].options


def test_hundreds_of_people(tmp_path):
    crowd = [person((3 + 20 * column, 20 + 30 * row, 7, 18)) for row in range(11) for column in range(30)]
    job = Job(tmp_path, [photograph(tmp_path, "crowd", crowd, size=(400, 640))])
    job.detect()
    rows = job.remove(OpenCV(**SMALL))
    assert {row.detected_count for row in rows} == {330}
    assert [row.removed_count for row in rows if row.recipe == removals.CHAIN] == [82, 165, 248, 330]


def test_a_photograph_that_is_no_longer_the_one_ingested_is_one_rejected_row(tmp_path):
    row = photograph(tmp_path, "four", FOUR)
    job = Job(tmp_path, [dataclasses.replace(row, width=80)])
    job.detect()
    (made,) = job.remove(OpenCV(**SMALL))
    assert (made.status, made.reason) == (
        "rejected",
        "size: decoded to 160x120, ingestion saw 80x120; run ingest again",
    )


class Shelf:
    """A store with one image."""

    def __init__(self, image: np.ndarray) -> None:
        self._data = encode_png(image)
        self.sha256 = hashlib.sha256(self._data).hexdigest()

    def read_bytes(self, *_: str) -> bytes:
        return self._data


@settings(deadline=None, max_examples=40)
@given(
    boxes=st.lists(
        st.tuples(st.integers(-10, 90), st.integers(-10, 70), st.integers(1, 40), st.integers(1, 50)),
        min_size=1,
        max_size=9,
    ),
    feather=st.sampled_from([0.0, 2.0, 9.0]),
    overlap=st.sampled_from([0.3, 1.0]),
    seed=st.integers(0, 5),
)
def test_masks_grow_level_by_level_and_only_the_growth_changes(boxes, feather, overlap, seed):
    image = np.random.default_rng(seed).integers(0, 256, (80, 100, 3), np.uint8)
    config = OpenCV(dilation_px=3, shadow_share=0.1, feather_px=feather, overlap=overlap, max_masked=1.0)
    found = DetectionRow(
        "p", "x", [Detection(x=x, y=y, w=w, h=h, score=1.0, mask=None) for x, y, w, h in boxes], "ok", ""
    )
    shelf = Shelf(image)
    row = dataclasses.replace(image_row(80, 100, "p"), split="train", sha256=shelf.sha256)
    plan = Planner(config, seed, shelf).plan(row, found)  # type: ignore[arg-type]
    remover = Noise()
    with Editor(remover, None, Rows("noise", remover, "folder"), seed, 1) as editor:
        made = editor.make([plan])
    base, painted = image, np.zeros((80, 100), bool)
    for edit, content in made:
        if content is None:
            continue
        after, mask = decode(content), mask_of(edit)
        if edit.recipe == removals.SHAM:
            assert not ((after != image).any(axis=2) & ~mask).any()
            continue
        assert not (painted & ~mask).any()
        assert not ((after != base).any(axis=2) & (painted | ~mask)).any()
        base, painted = after, mask


@pytest.mark.parametrize("labels", ["boxes", "points", "none"])
@pytest.mark.parametrize("avoid", ["annotated", "detected"])
def test_shams_keep_off_who_is_not_sure_and_off_who_is_only_annotated(labels, avoid):
    standing = [
        (10.0, 20.0, 12.0, 40.0),
        (60.0, 20.0, 12.0, 40.0),
        (110.0, 20.0, 12.0, 40.0),
        (160.0, 20.0, 12.0, 40.0),
    ]
    seen = [Detection(x=x, y=y, w=w, h=h, score=0.9 if x < 20 else 0.1, mask=None) for x, y, w, h in standing[:2]]
    row = dataclasses.replace(image_row(70, 200, "p"), split="train")
    if labels == "boxes":
        row = dataclasses.replace(row, people=[person(box) for box in standing])
    elif labels == "points":
        row = dataclasses.replace(row, points=[{"x": x + w / 2, "y": y + 3} for x, y, w, _ in standing])
    config = OpenCV(**SMALL, kept=[0.0], confidence=0.3, shams_avoid=avoid)
    touched = np.zeros(4, bool)
    for seed in range(12):
        image = np.full((70, 200, 3), 90, np.uint8)
        shelf = Shelf(image)
        row = dataclasses.replace(row, sha256=shelf.sha256)
        plan = Planner(config, seed, shelf).plan(row, DetectionRow("p", "x", seen, "ok", ""))  # type: ignore[arg-type]
        assert [step.removed for step in plan.chain] == [[0]]
        assert len(plan.found.people) == 1
        (sham,) = plan.others
        assert sham.weights is not None
        for index, (x, y, w, _) in enumerate(standing):
            touched[index] |= bool((sham.weights[int(y) : int(y) + 8, int(x) : int(x + w)] > 0).any())
    assert not touched[:2].any()
    assert touched[2:].any() == (labels == "none" or avoid == "detected")


def test_nobody_sure_enough_is_a_rejected_row():
    found = DetectionRow("p", "x", [Detection(x=1, y=1, w=9, h=20, score=0.2, mask=None)], "ok", "")
    shelf = Shelf(np.zeros((70, 200, 3), np.uint8))
    row = dataclasses.replace(image_row(70, 200, "p"), split="train", sha256=shelf.sha256)
    plan = Planner(OpenCV(confidence=0.5), 0, shelf).plan(row, found)  # type: ignore[arg-type]
    assert plan.refusal == "nobody: none of 1 people was found with remove.confidence or more"


def test_a_photograph_that_was_replaced_since_ingestion_is_a_rejected_row():
    found = DetectionRow("p", "x", [Detection(x=1, y=1, w=9, h=20, score=0.9, mask=None)], "ok", "")
    shelf = Shelf(np.zeros((70, 200, 3), np.uint8))
    row = dataclasses.replace(image_row(70, 200, "p"), split="train", sha256="0" * 64)
    plan = Planner(OpenCV(), 0, shelf).plan(row, found)  # type: ignore[arg-type]
    assert plan.refusal == "unreadable: the file is not the one that ingestion saw: restore it, or run ingest again"
