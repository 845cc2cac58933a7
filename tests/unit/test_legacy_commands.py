"""Legacy layouts by the command line: a run goes out, a trainer could read it, and it comes back in."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.contract.test_detectors import image_row
from tests.rows import removal_row
from tests.unit.release.miniature import Written, make_run, picture
from throng.errors import ThrongError
from throng.images import decode, encode_jpeg, encode_png, image_id
from throng.legacy_export import export, roots_of, triples_of
from throng.legacy_import import import_counts, import_ranking
from throng.manifest import read_rows
from throng.ranking.kinds import RELATIONS
from throng.ranking.pairs import pairs_of as pairs_of_photograph
from throng.sections.ingest import Folder
from throng.sections.rank_pairs import RankPairs
from throng.tables import images, ranked_pairs
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import RankedPairRow

COMMAND = [sys.executable, "-c", "from throng.cli import main; main()"]
SOURCE = Folder(name="old", root="x", format="folder", licence="CC0-1.0")


def throng(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Write a run whose job noted where its source is, with a labelled test photograph."""
    made = make_run()
    made.change("images", 2, split="test")
    for k, pair in enumerate(made.rows["ranked_pairs"]):
        if pair.split == "val":
            made.change("ranked_pairs", k, split="test")
    first = made.rows["images"][1].id
    for k, pair in enumerate(made.rows["ranked_pairs"]):
        if pair.parent_id == first:
            made.change("ranked_pairs", k, split="val")
    written = made.write(tmp_path_factory.mktemp("run"))
    logs = written.results / "logs"
    logs.mkdir()
    (logs / "rank_pairs.log.job.json").write_text(json.dumps({"roots": {"open": str(written.root / "sources/open")}}))
    return written


def shown(data_dir: Path, path: str) -> np.ndarray:
    """Read an image as the old loaders do: two texts put together."""
    return decode(Path(str(data_dir) + path).read_bytes())


def pairs_of(run: Written) -> list[RankedPairRow]:
    return read_rows(run.results / "rank_pairs/ranked_pairs.parquet", ranked_pairs.TABLE, RankedPairRow)


def test_syrac_gets_its_three_data_sets(run: Written, tmp_path: Path):
    done = throng("export-legacy", run.results, "--layout", "syrac", "--to", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "for your own use" in done.stdout
    ranking = json.loads((tmp_path / "throng_ranking/annotations.json").read_text())
    kinds = ["edited-edited", "nested-crop", "real-edited", "real-edited"]
    for split in ("train", "val"):
        assert sorted(entry["info"]["type"] for entry in ranking[split]) == kinds
    sizes = {entry["info"]["type"]: shown(tmp_path, entry["source_image"]).shape[:2] for entry in ranking["train"]}
    assert sizes["real-edited"] == sizes["edited-edited"] == (48, 64) != sizes["nested-crop"]
    counted = json.loads((tmp_path / "throng_synthetic/annotations.json").read_text())
    assert sorted(entry["count"] for entry in counted) == [0, 1, 3, 3]
    real = json.loads((tmp_path / "throng_real/annotations.json").read_text())
    assert [entry["count"] for entry in real["test"]] == [4]
    assert shown(tmp_path, real["test"][0]["image"]).shape == (48, 64, 3)


def test_pixels_are_those_of_the_run(run: Written, tmp_path: Path):
    export(run.results, "syrac", tmp_path, "x", roots_of(run.results, []))
    ranking = json.loads((tmp_path / "x_ranking/annotations.json").read_text())
    (crop,) = [pair for pair in pairs_of(run) if pair.kind == "nested-crop" and pair.split == "train"]
    (entry,) = [entry for entry in ranking["train"] if entry["info"]["type"] == "nested-crop"]
    whole = decode((run.root / "sources/open" / crop.fewer_path).read_bytes())
    window = crop.fewer_crop
    expected = whole[window["y"] : window["y"] + window["h"], window["x"] : window["x"] + window["w"]]
    assert np.array_equal(shown(tmp_path, entry["target_image"]), expected)
    real = next(entry for entry in ranking["train"] if entry["info"]["type"] == "real-edited")
    data = Path(str(tmp_path) + real["source_image"]).read_bytes()
    assert f"/x_ranking/images/{image_id(data)}.jpg" == real["source_image"], "the photograph's own bytes"


def test_a_turned_photograph_is_stored_upright(tmp_path: Path):
    exif = bytes.fromhex("ffe1 0022 4578 6966 0000 4d4d 002a 0000 0008 0001 0112 0003 0000 0001 0006 0000 0000 0000")
    jpeg = encode_jpeg(picture(1))
    run = make_run()
    turned = jpeg[:2] + exif + jpeg[2:]
    run.photographs["open", run.rows["images"][0].path] = turned
    written = run.write(tmp_path / "run")
    export(written.results, "syrac", tmp_path, "x", {"open": written.root / "sources/open"})
    name = run.rows["images"][0].id
    assert (tmp_path / f"x_ranking/images/{name}.png").is_file()
    assert np.array_equal(decode((tmp_path / f"x_ranking/images/{name}.png").read_bytes()), decode(turned))
    assert decode(turned).shape == (64, 48, 3)


def test_afreeca_gets_three_members_of_every_chain(run: Written, tmp_path: Path):
    done = throng("export-legacy", run.results, "--layout", "afreeca", "--to", tmp_path, "--name", "sorted")
    assert done.returncode == 0, done.stderr
    triples = json.loads((tmp_path / "sorted_sort/sort.annotations.json").read_text())
    assert {split: len(entries) for split, entries in triples.items()} == {"train": 1, "val": 1}
    ranked = {(pair.more_id, pair.fewer_id) for pair in pairs_of(run) if pair.relation == "more"}
    for add, src, remove in triples["train"] + triples["val"]:
        ids = [Path(path).stem for path in (add, src, remove)]
        assert {(ids[0], ids[1]), (ids[1], ids[2]), (ids[0], ids[2])} <= ranked


def test_four_enlarged_and_four_reduced_images_make_sixteen_triples():
    photograph = image_row(60, 80, "00ff")
    edits = [
        removal_row(id=f"{recipe}{k}", parent_id="00ff", recipe=recipe, level=k, removed=[], removed_count=None)
        for recipe in ("enlarge", "reduce")
        for k in range(1, 5)
    ]
    config = RankPairs(kinds=["enlarged-real", "real-reduced", "enlarged-reduced", "nested-crop"])
    found = {
        (upper.more_id, upper.fewer_id, lower.more_id, lower.fewer_id)
        for upper, lower in triples_of(pairs_of_photograph(photograph, edits, config, 0))
    }
    assert found == {(f"enlarge{a}", "00ff", "00ff", f"reduce{b}") for a in range(1, 5) for b in range(1, 5)}


def test_a_ranking_goes_out_and_comes_back(run: Written, tmp_path: Path):
    throng("export-legacy", run.results, "--layout", "syrac", "--to", tmp_path)
    file = tmp_path / "throng_ranking/annotations.json"
    done = throng("import-legacy", file, "--data-dir", tmp_path, "--to", tmp_path / "tables")
    assert done.returncode == 0, done.stderr
    back = read_rows(tmp_path / "tables/ranked_pairs.parquet", ranked_pairs.TABLE, RankedPairRow)
    rows = {row.id: row for row in read_rows(tmp_path / "tables/images.parquet", images.TABLE, ImageRow)}
    before = [pair for pair in pairs_of(run) if pair.relation != "equal" and pair.split != "test"]
    assert len(back) == len(before) == 8
    assert sorted((p.split, p.kind, p.relation) for p in back) == sorted((p.split, p.kind, p.relation) for p in before)
    photographs = {pair.parent_id for pair in before}
    for pair in back:
        if pair.kind != "nested-crop":
            assert pair.parent_id in photographs, "the photograph has its own bytes, so its own id"
        assert pair.scene == rows[pair.more_id].scene == rows[pair.fewer_id].scene
        assert rows[pair.more_id].split == pair.split
        assert image_id((tmp_path / pair.more_path).read_bytes()) == pair.more_id
    first = (tmp_path / "tables/ranked_pairs.parquet").read_bytes()
    throng("import-legacy", file, "--data-dir", tmp_path, "--to", tmp_path / "again")
    assert (tmp_path / "again/ranked_pairs.parquet").read_bytes() == first


def old_data(folder: Path, content: object, pictures: int = 6) -> Path:
    (folder / "D").mkdir()
    for k in range(pictures):
        (folder / "D" / f"{k}.png").write_bytes(encode_png(picture(k)))
    (folder / "D/annotations.json").write_text(json.dumps(content))
    return folder / "D/annotations.json"


def ranked(more: int | str, fewer: int | str, kind: str = "recipe-7") -> dict[str, object]:
    return {"source_image": f"/D/{more}.png", "target_image": f"/D/{fewer}.png", "info": {"type": kind}}


def test_syracs_own_recipes_are_rendered_again_pairs(tmp_path: Path):
    file = old_data(tmp_path, {"train": [ranked(0, 1), ranked(0, 2)], "val": [ranked(3, 4, "edited-edited")]})
    found = import_ranking(file, tmp_path, SOURCE)
    photograph = image_id((tmp_path / "D/0.png").read_bytes())
    assert [(p.kind, p.relation, p.delta, p.split) for p in found.pairs] == [
        ("real-reduced", "more", None, "train"),
        ("real-reduced", "more", None, "train"),
        ("edited-edited", "more", None, "val"),
    ]
    assert [p.parent_id for p in found.pairs[:2]] == [photograph, photograph]
    assert {row.licence for row in found.images} == {"CC0-1.0"}
    assert [(row.width, row.height, row.status) for row in found.images] == [(64, 48, "ok")] * 5


def test_a_triple_is_three_pairs_about_its_reference(tmp_path: Path):
    triples = [[f"/D/{add}.png", "/D/2.png", f"/D/{remove}.png"] for add in (0, 1) for remove in (3, 4)]
    found = import_ranking(old_data(tmp_path, {"train": triples, "val": []}), tmp_path, SOURCE)
    kinds = [p.kind for p in found.pairs]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "enlarged-real": 2,
        "real-reduced": 2,
        "enlarged-reduced": 4,
    }
    assert found.left_out == {"said before": 4}
    assert {p.parent_id for p in found.pairs} == {image_id((tmp_path / "D/2.png").read_bytes())}
    assert all(RELATIONS[p.kind] == p.relation for p in found.pairs)


def test_damaged_missing_and_doubled_images_are_kept_as_rows_and_counted(tmp_path: Path):
    entries = [ranked(0, 1), ranked(0, 2), ranked(0, "gone"), ranked(0, "copy"), ranked("copy", 1)]
    file = old_data(tmp_path, {"train": entries, "val": []})
    (tmp_path / "D/2.png").write_bytes(b"no image")
    shutil.copy(tmp_path / "D/0.png", tmp_path / "D/copy.png")
    found = import_ranking(file, tmp_path, SOURCE)
    assert len(found.pairs) == 1
    assert found.left_out == {"an image is unreadable": 2, "both images have the same bytes": 1, "said before": 1}
    reasons = {row.path: row.reason.partition(":")[0] for row in found.images if row.status != "ok"}
    assert reasons.keys() == {"D/2.png", "D/gone.png", "D/copy.png"}
    assert reasons["D/gone.png"] == "unreadable" and reasons["D/copy.png"] == "duplicate"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"train": [ranked(0, 1), ranked(1, 0)], "val": []}, "contradict each other"),
        ({"train": [ranked(0, 1)], "val": [ranked(0, 2)]}, "on both sides of the split"),
        ({"train": [ranked(0, 1)], "val": [ranked(2, 1)]}, "on both sides of the split"),
    ],
)
def test_rankings_that_cannot_be_trusted_are_refused(tmp_path: Path, content: object, said: str):
    with pytest.raises(ThrongError, match=said):
        import_ranking(old_data(tmp_path, content), tmp_path, SOURCE)


def test_counts_become_labelled_images(tmp_path: Path):
    file = old_data(tmp_path, {"test": [{"image": "/D/0.png", "count": 7}, {"image": "/D/gone.png", "count": 1}]})
    rows = {row.path: (row.count, row.split, row.status, row.points) for row in import_counts(file, tmp_path, SOURCE)}
    assert rows == {"D/0.png": (7, "test", "ok", None), "D/gone.png": (None, "test", "rejected", None)}
    done = throng("import-legacy", file, "--data-dir", tmp_path, "--to", tmp_path / "tables")
    assert done.returncode == 0, done.stderr
    assert "1 ok, 1 rejected: unreadable" in done.stdout
    assert not (tmp_path / "tables/ranked_pairs.parquet").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{"image": "/D/0.png", "count": 1.5}], "expected a whole number"),
        ([{"image": "/D/0.png", "count": 1}, {"image": "/D/0.png", "count": 2}], "has the counts 1 and 2"),
    ],
)
def test_counts_that_are_none_are_refused(tmp_path: Path, content: object, said: str):
    with pytest.raises(ThrongError, match=said):
        import_counts(old_data(tmp_path, content), tmp_path, SOURCE)


def test_bad_input_is_one_sentence(run: Written, tmp_path: Path):
    file = old_data(tmp_path, {"train": []})
    (tmp_path / "throng_ranking").mkdir()
    empty = tmp_path / "empty"
    empty.mkdir()
    for said, *arguments in (
        ("expected an object with the keys", "import-legacy", file, "--data-dir", tmp_path, "--to", tmp_path),
        ("--source 'A B'", "import-legacy", file, "--data-dir", tmp_path, "--to", tmp_path, "--source", "A B"),
        ("is there already", "export-legacy", run.results, "--layout", "syrac", "--to", tmp_path),
        ("not a readable Parquet file", "export-legacy", empty, "--layout", "syrac", "--to", empty),
        ("--name '../x'", "export-legacy", run.results, "--layout", "syrac", "--to", tmp_path, "--name", "../x"),
        ("expected NAME=FOLDER", "export-legacy", run.results, "--layout", "syrac", "--to", tmp_path, "--root", "x"),
        ("cannot read", "export-legacy", run.results, "--layout", "syrac", "--to", empty, "--root", f"open={empty}"),
    ):
        failed = throng(*arguments)
        assert failed.returncode == 1, failed.stdout
        assert said in failed.stderr
        assert "Traceback" not in failed.stderr
    assert list(empty.iterdir()) == [], "a failed export leaves nothing"
