import dataclasses

import numpy as np
import pytest

from tests.unit.calibration.world import EXACT, PROMPTED, SquareDetector, World
from throng.counting.registry import build, save_counter
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.manifest import read_footer
from throng.sections.calibrate_counts import CalibrateCounts
from throng.sections.count_synthetic import Counter, CountSynthetic
from throng.sections.detectors import Annotations, Ultralytics
from throng.stages import count_synthetic

LOOK = CountSynthetic(detector=Ultralytics(), reference=8)
NOBODY = CountSynthetic(detector=None, reference=0)


@pytest.fixture
def detector(monkeypatch):
    made = SquareDetector()
    monkeypatch.setattr(count_synthetic.detectors, "load", lambda *_: made)
    return made


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_every_image_is_counted_and_so_are_photographs_of_known_count(world, detector):
    rows = world.count(LOOK)
    synthetic = {row.id: row for row in rows if row.origin == "synthetic"}
    assert synthetic.keys() == world.truth.keys()
    assert all(row.detected == world.truth[row.id] and row.predicted is None for row in synthetic.values())
    assert all(row.known == (world.truth[row.id] if row.maker == EXACT else None) for row in synthetic.values())
    photographs = [row for row in rows if row.origin == "photograph"]
    train = {row.id: row.count for row in world.photographs if row.split == "train"}
    assert len(photographs) == 2 * 8 and {row.id for row in photographs} <= train.keys()
    assert all(row.known == row.detected == train[row.id] for row in photographs)
    assert all(abs(np.linalg.norm(row.features) - 1) < 1e-5 for row in rows)
    assert len({row.fingerprint for row in synthetic.values()}) > len(synthetic) / 2
    assert read_footer(world.counts[0])["model"] == {"detector_file": "squares", "detector_sha256": "5" * 64}


def test_held_out_photographs_are_never_looked_at(world, detector):
    for row in world.photographs:
        if row.split != "train":
            (world.folder / "photographs" / row.path).write_bytes(b"never to be read")
    copy = world.photographs[1]  # held out under another name
    world.photographs.append(dataclasses.replace(copy, path="copy.png", split="val"))
    rows = world.count(CountSynthetic(detector=Ultralytics(), reference=1000))
    looked = {row.id for row in rows if row.origin == "photograph"}
    assert looked == {row.id for row in world.photographs if row.split == "train"} - {copy.id}


def test_parts_and_threads_change_nothing(world, detector):
    whole = world.count(LOOK)
    again = world.count(LOOK, chunks=3, threads=2)
    assert [dataclasses.asdict(row) for row in whole] == [dataclasses.asdict(row) for row in again]
    table, figures, page = world.calibrate()
    assert len(table) == len(world.truth)
    world.count(LOOK)
    assert world.calibrate() == (table, figures, page)


def test_a_killed_job_looks_at_no_image_twice(world, detector, monkeypatch):
    calm = SquareDetector.detect

    def dies(self, photographs):
        if len(self.looked) >= 6:
            raise KeyboardInterrupt
        return calm(self, photographs)

    monkeypatch.setattr(SquareDetector, "detect", dies)
    with pytest.raises(KeyboardInterrupt):
        world.count(LOOK)
    monkeypatch.setattr(SquareDetector, "detect", calm)
    resumed = world.count(LOOK)
    assert len(detector.looked) == len(resumed)
    fresh = world.count(LOOK)
    assert resumed == fresh


def test_broken_and_unmade_images_are_rejected_not_lost(world, detector):
    broken, unmade = world.rows[PROMPTED][0].id, world.rows[PROMPTED][1]
    world.pixels[PROMPTED][f"{broken}.png"] = b"no image"
    world.rows[PROMPTED][1] = dataclasses.replace(unmade, status="rejected", reason="flagged: refused", path="")
    exact = world.rows[EXACT][0].id
    world.pixels[EXACT][f"{exact}.png"] = b"no image"
    rows = {row.id: row for row in world.count(LOOK)}
    assert rows[broken].reason.startswith("unreadable: ") and rows[unmade.id].reason == "flagged: refused"
    assert rows[broken].features == [] and rows[broken].detected is None
    table, figures, _ = world.calibrate(CalibrateCounts(sheet=0, bootstrap=100))
    assert table.keys() == world.truth.keys()
    assert [table[name].status for name in (broken, unmade.id, exact)] == ["rejected", "rejected", "ok"]
    assert (table[exact].count, table[exact].weight) == (world.truth[exact], 1)
    assert table[broken].count is None and table[broken].weight == 0
    removed = {record["filter"]: record["removed"] for record in figures["filters"]}
    assert removed["unsafe content"] == removed["not looked at"] == 1
    assert sum(removed.values()) == sum(row.status == "rejected" for row in table.values())


def test_calibrated_counts_are_nearer_than_requested_ones(world, detector):
    dense = world.ask_for_a_class("dense", 20, 60, 41)
    world.count(CountSynthetic(detector=Ultralytics(), reference=100))
    table, figures, page = world.calibrate()
    kept = [row for row in table.values() if row.status == "ok"]
    mine = [row for row in kept if row.maker == PROMPTED and row.requested]
    off = [abs(row.count - world.truth[row.id]) for row in mine]
    assert sum(off) < 0.7 * sum(abs(row.requested - world.truth[row.id]) for row in mine)
    assert all(row.exact and row.std == 0 and row.weight == 1 for row in kept if row.maker == EXACT)
    assert all(0 < row.weight < 1 and row.std > 0 for row in mine)
    assert table[dense].requested is None and abs(table[dense].count - 41) < 8 and table[dense].agreement is None
    assert {record["maker"] for record in figures["errors"]} == {EXACT, PROMPTED}
    for record in figures["errors"]:
        if record["maker"] == EXACT:
            assert record["exact"]["error"] == record["calibrated"]["error"] == 0
    assert [(group["group"], group["images"]) for group in figures["responses"][0]["groups"]] == [
        (EXACT, 18),
        ("photograph", 9),
    ]
    assert page.count("<figure>") > 20 and "a dense crowd" in page and "http" not in page.split("</style>")[1]
    assert "Do not pass this page on" not in page


def test_what_may_not_be_passed_on_is_said(world, detector):
    world.rows[PROMPTED] = [dataclasses.replace(row, redistributable=False) for row in world.rows[PROMPTED]]
    world.count(LOOK)
    assert f"It shows images of {PROMPTED} that" in world.calibrate()[2]


def test_annotations_see_what_a_maker_says(world):
    rows = world.count(CountSynthetic(detector=Annotations(), reference=0))
    for row in rows:
        if row.maker == EXACT:
            assert row.detected == world.truth[row.id]
        else:
            assert row.reason.startswith("unlabelled: ")


def test_a_trained_counter_counts_too(world, tmp_path):
    save_counter(tmp_path / "counter.safetensors", build("mcnn", 1), {})
    config = CountSynthetic(detector=None, counter=Counter(weights="c"), reference=4)
    rows = world.count(config, counter=[str(tmp_path / "counter.safetensors")])
    assert all(row.detected is None and row.predicted >= 0 for row in rows)
    assert len({row.predicted for row in rows}) > 5
    footer = read_footer(world.counts[0])
    assert footer["model"] == {"counter_sha256": sha256_file(tmp_path / "counter.safetensors")}
    table, figures, _ = world.calibrate()
    assert [record["count"] for record in figures["responses"]] == ["predicted"]
    assert all(row.rank_score == row.predicted for row in table.values() if row.maker == PROMPTED)


def test_without_anybody_looking_requested_counts_stay(world):
    world.count(NOBODY)
    table, figures, page = world.calibrate()
    for row in table.values():
        if row.maker == PROMPTED:
            assert row.count == pytest.approx(row.requested, rel=0.1, abs=0.15) and row.std > 0
            assert row.rank_score is row.agreement is row.detected is None
    assert figures["responses"] == [] and "Nobody counted" in page


def test_scores_of_a_ranker_order_a_bucket(world):
    world.count(NOBODY)
    config = CalibrateCounts(rank_by="scores", scores="s", duplicates=None, prototypes=None, bootstrap=100)
    scores = world.scores({name: float(true) for name, true in world.truth.items()} | {"unknown": 3.0})
    table, _, _ = world.calibrate(config, scores=[str(scores)])
    nine = sorted(
        (row for row in table.values() if row.maker == PROMPTED and row.requested == 9), key=lambda r: r.rank_score
    )
    assert nine[0].count < nine[-1].count
    assert [row.count for row in nine] == sorted(row.count for row in nine)
    with pytest.raises(ThrongError, match="no Parquet file with id and score"):
        world.calibrate(config, scores=[str(world.folder / "results" / "images.parquet")])


def test_tables_that_do_not_belong_together_are_refused(world, detector):
    world.count(LOOK)
    everything = world.made
    world.made = everything[:1]
    with pytest.raises(ThrongError, match=r"in one of the tables .* rerun 'synthesize'"):
        world.calibrate()
    world.made, world.counts = everything, world.counts[:1]
    with pytest.raises(ThrongError, match="rerun 'count_synthetic'"):
        world.calibrate()
    world.rows[EXACT][0] = dataclasses.replace(world.rows[EXACT][0], prompt_id="f" * 16)
    world.count(LOOK)
    with pytest.raises(ThrongError, match="of prompt ffffffffffffffff, which is not in table prompts"):
        world.calibrate()


def test_a_part_of_another_maker_is_refused(world, detector):
    world.rows[EXACT].append(world.rows[PROMPTED].pop())
    with pytest.raises(ThrongError, match="holds images of maker 'prompted', expected 'exact' alone"):
        world.count(LOOK)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"rank_by": "scores"}, "go together"),
        ({"scores": "file"}, "go together"),
        ({"measure": ["detected", "detected"]}, "twice"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(said, message):
    with pytest.raises(ValueError, match=message):
        CalibrateCounts(**said)
