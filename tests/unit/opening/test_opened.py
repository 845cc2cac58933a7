"""A released folder as torch datasets: everything in it, as the tables had it, and one sentence for what is not."""

import json
import math
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from torch.utils.data import DataLoader

import throng
from tests.jobs import SCRIPTS
from tests.unit.opening.conftest import UNSURE
from tests.unit.release.miniature import Run, reseal
from throng.errors import ThrongError
from throng.images import decode


def parquet(release: Path, product: str, split: str = "train") -> dict[str, dict[str, Any]]:
    """Return a product's rows by id, as they are in its Parquet shards."""
    paths = sorted((release / "data" / product).glob(f"{split}-*.parquet"))
    return {row["id"]: row for path in paths for row in pq.read_table(path).to_pylist()}


def test_opened_release_says_what_it_holds(release: Path) -> None:
    opened = throng.open(str(release))
    index = json.loads((release / "index.json").read_text())
    assert (opened.name, opened.version) == (index["name"], index["version"])
    assert opened.products["ranked_pairs"] == index["products"]["ranked_pairs"]["pixels"]
    assert opened.products["fixed_count"] == {"train": 4}
    assert "ranked_pairs" in repr(opened)


def test_points_are_those_of_the_tables_on_the_pixels_of_the_shards(run: Run, release: Path) -> None:
    points = throng.open(release).points("train")
    truth = {row.id: row for row in run.rows["synthetic"] if row.points is not None}
    rows = parquet(release, "fixed_count")
    made = [name for name in points.ids if name in truth]
    assert sorted(made) == sorted(truth)
    assert len(set(points.ids)) == len(points)
    for index, name in enumerate(points.ids):
        if name in truth:
            sample = points[index]
            assert np.array_equal(sample.image, decode(rows[name]["image"]["bytes"]))
            expected = [(point["x"], point["y"]) for point in truth[name].points]
            assert sample.points is not None
            assert sample.points.tolist() == [list(each) for each in expected]
            assert sample.points.shape == (len(expected), 2)
            assert (sample.count, sample.weight) == (None, rows[name]["weight"])


def test_counts_say_how_many_and_how_surely(run: Run, release: Path) -> None:
    opened = throng.open(release)
    unsure = run.rows["synthetic"][UNSURE].id
    counts = opened.counts("train")
    known = {name: counts[index] for index, name in enumerate(counts.ids)}
    assert (known[unsure].count, known[unsure].std, known[unsure].weight) == (7.5, 2.0, 0.5)
    assert all(sample.points is None for sample in known.values())
    sure = run.rows["synthetic"][UNSURE - 1]
    assert (known[sure.id].count, known[sure.id].std) == (len(sure.points), None)
    assert unsure not in opened.points("train").ids


def test_densities_carry_the_label(run: Run, release: Path) -> None:
    densities = throng.open(release).densities("train")
    labels = {row.id: row for row in run.rows["density_labels"]}
    rows = parquet(release, "density_labelled")
    assert {row.id for row in run.rows["synthetic"]} <= set(densities.ids)
    for index, name in enumerate(densities.ids):
        found, label = densities[index], labels[name]
        assert (found.id, found.density_class, found.class_name) == (name, label.density_class, label.class_name)
        assert found.score == label.score
        assert found.people == rows[name]["count"]
        assert math.isnan(found.per_m2) or found.per_m2 == rows[name]["people_per_m2"]


def test_pairs_are_cut_to_their_windows(release: Path) -> None:
    for split in ("train", "val"):
        pairs = throng.open(release).pairs(split)
        rows = parquet(release, "ranked_pairs", split)
        assert pairs.ids == sorted(rows)
        for index, name in enumerate(pairs.ids):
            found, row = pairs[index], rows[name]
            assert (found.id, found.kind, found.relation) == (name, row["kind"], row["relation"])
            assert found.delta == row["delta"] or (math.isnan(found.delta) and row["delta"] is None)
            for side in ("more", "fewer"):
                image, crop = decode(row[f"image_{side}"]["bytes"]), row[f"{side}_crop"]
                if crop is not None:
                    image = image[crop["y"] : crop["y"] + crop["h"], crop["x"] : crop["x"] + crop["w"]]
                assert np.array_equal(getattr(found, side), image)


LOADED = """
import sys
import numpy as np
from torch.utils.data import DataLoader
import throng
pairs = throng.open(sys.argv[1]).pairs("val")
loader = DataLoader(pairs, batch_size=3, num_workers=2, collate_fn=list, multiprocessing_context=sys.argv[2])
found = [sample for batch in loader for sample in batch]
assert [sample.id for sample in found] == pairs.ids
assert all(np.array_equal(one.more, pairs[k].more) for k, one in enumerate(found))
"""


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_read_what_one_process_reads(release: Path, context: str) -> None:
    # in a process of its own: one that runs tests has threads, and may not survive being forked
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", LOADED, str(release), context]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_equal_sizes_collate_as_they_are(release: Path) -> None:
    densities = throng.open(release).densities("train")
    batch = next(iter(DataLoader(densities, batch_size=4)))
    assert np.array_equal(batch.image, np.stack([densities[k].image for k in range(4)]))
    assert list(batch.class_name) == [densities[k].class_name for k in range(4)]


def test_pickled_dataset_is_small_and_reads_alike(release: Path) -> None:
    points = throng.open(release).points()
    points[0]
    copied = pickle.loads(pickle.dumps(points))
    assert np.array_equal(copied[0].image, points[0].image)
    assert len(pickle.dumps(points)) < 4000


def test_index_outside_is_refused_and_negative_ones_count_back(release: Path) -> None:
    pairs = throng.open(release).pairs()
    assert pairs[-1].id == pairs.ids[-1]
    with pytest.raises(IndexError):
        pairs[len(pairs)]


def test_what_is_not_there_is_said_in_one_sentence(release: Path, tmp_path: Path) -> None:
    opened = throng.open(release)
    with pytest.raises(ThrongError, match=r"ranked_pairs has no split 'dev'; it has train, val"):
        opened.pairs("dev")
    with pytest.raises(ThrongError, match=r"no image of split 'dev' has a value in points.*have splits .*train"):
        opened.points("dev")
    with pytest.raises(ThrongError, match="holds no table 'weather'"):
        opened.table("weather")
    with pytest.raises(ThrongError, match=r"no index\.json, so it is no release"):
        throng.open(tmp_path)
    with pytest.raises(ThrongError, match=r"no index\.json, so it is no release"):
        throng.open(tmp_path / "gone")


def test_closed_pixels_are_said_to_be_recipes(release: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(release, tmp_path / "closed"))
    index = json.loads((folder / "index.json").read_text())
    for counts in index["products"].values():
        counts["pixels"], counts["recipes"] = {}, counts["pixels"]
    (folder / "index.json").write_text(json.dumps(index))
    opened = throng.open(folder)
    with pytest.raises(ThrongError, match=r"ranked_pairs are recipes here.*throng rebuild"):
        opened.pairs("train")
    with pytest.raises(ThrongError, match=r"fixed_count and density_labelled are recipes here.*throng rebuild"):
        opened.points("train")


def test_half_a_download_is_said(release: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(release, tmp_path / "half"))
    shutil.rmtree(folder / "webdataset")
    with pytest.raises(ThrongError, match=r"webdataset.*\.tar: cannot be read .*fetch it again"):
        throng.open(folder).pairs("train")
    shutil.rmtree(folder / "data")
    with pytest.raises(ThrongError, match=r"data.*\.parquet: cannot be read .*fetch it again"):
        throng.open(folder).points("train")


def test_an_index_that_names_no_table_of_what_it_counts_is_refused(release: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(release, tmp_path / "unnamed"))
    index = json.loads((folder / "index.json").read_text())
    index["files"] = [file for file in index["files"] if file["format"] != "parquet"]
    (folder / "index.json").write_text(json.dumps(index))
    opened = throng.open(folder)
    for asked in (opened.pairs, opened.counts):
        with pytest.raises(
            ThrongError, match=r"index\.json: names no Parquet file of product .*, split train, of which"
        ):
            asked("train")


def test_a_table_with_a_broken_page_is_refused_by_name(release: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(release, tmp_path / "broken"))
    for path in (folder / "data").rglob("*.parquet"):
        data = bytearray(path.read_bytes())
        length = int.from_bytes(data[-8:-4], "little")
        data[4 : len(data) - 8 - length] = b"\xff" * (len(data) - 12 - length)  # the footer stays whole
        path.write_bytes(data)
    opened = throng.open(folder)
    for asked in (opened.pairs, opened.counts):
        with pytest.raises(ThrongError, match=r"\.parquet: cannot be read .*fetch it again"):
            asked("train")


def test_swapped_shard_is_noticed_when_its_sample_is_asked_for(release: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(release, tmp_path / "swapped"))
    train, val = (next((folder / "webdataset/ranked_pairs").glob(f"{split}-00000-*")) for split in ("train", "val"))
    train.write_bytes(val.read_bytes())
    reseal(folder)
    pairs = throng.open(folder).pairs("train")
    with pytest.raises(ThrongError, match="holds no sample"):
        for index in range(len(pairs)):
            pairs[index]


def test_importing_throng_loads_no_torch() -> None:
    code = "import sys, throng; assert throng.__version__; assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        throng.opne  # noqa: B018
