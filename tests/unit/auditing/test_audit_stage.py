"""The stage on planted worlds: every figure is known, bad input is counted, equal input gives equal bytes."""

import base64
import dataclasses
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.unit.auditing.world import HEIGHT, WIDTH, World, around, box, honest, smooth
from throng import rle
from throng.images import decode, encode_png
from throng.manifest import read_rows
from throng.sections.audit_pairs import AuditPairs
from throng.tables import audit, audited_edits
from throng.tables.audit import AuditRow
from throng.tables.audited_edits import AuditedEditRow

FEW = AuditPairs(cases=2, contacts=2, folds=3, patches=16)


def figures(folder: Path) -> dict:
    return json.loads((folder / "audit.json").read_text())


def edits(folder: Path) -> dict[str, AuditedEditRow]:
    return {row.id: row for row in read_rows(folder / "edits.parquet", audited_edits.TABLE, AuditedEditRow)}


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """Twelve photographs whose editor forgets the noise."""
    world = World(tmp_path_factory.mktemp("smooth"), 12, smooth)
    return world, world.audit(FEW)


def test_planted_pairs_are_all_in_order_and_every_pair_has_a_row(telling: tuple[World, Path]) -> None:
    world, out = telling
    rows = read_rows(out / "audit.parquet", audit.TABLE, AuditRow)
    assert sorted(row.id for row in rows) == sorted(pair.id for pair in world.pairs)
    assert all(row.correct for row in rows)
    found = figures(out)["order"]
    assert found["edited"]["share"] == 1.0 and found["edited"]["number"] == 36 and found["delta"]["share"] == 1.0
    assert {record["group"] for record in found["by_kind"]} == {"real-edited", "edited-edited", "sham-equal"}


def test_an_editor_that_forgets_the_noise_is_found_out_and_untouched_patches_are_at_chance(
    telling: tuple[World, Path],
) -> None:
    (found,) = figures(telling[1])["shortcut"]
    assert found["painted"]["accuracy"] > 0.98 and found["control"]["accuracy"] == 0.5
    assert found["sham_pairs"]["share"] == 1.0 and found["verdict"].startswith("shortcut")
    assert {rule["kind"] for rule in found["edited_means_fewer"]} == {"real-edited", "edited-edited"}


def test_its_blur_is_measured_and_nothing_changed_outside(telling: tuple[World, Path]) -> None:
    world, out = telling
    found = figures(out)["pixels"]
    assert found["outside"]["share"] == found["between_levels"]["share"] == 1.0
    assert (found["outside"]["number"], found["between_levels"]["number"]) == (48, 24)
    assert all(record["sharpness"]["median"] < 0.1 for record in found["texture"])
    (quality,) = found["quality"]
    assert (quality["recipe"], quality["background"], quality["edits"]) == ("sham", "photograph", 12)
    assert quality["psnr"]["median"] == pytest.approx(10 * np.log10(255**2 / 36), abs=0.3), "noise of 6 grey levels"
    painted = {edit.id: int(rle.decode(edit.mask or "", HEIGHT, WIDTH).sum()) for edit in world.edits}
    assert {key: row.painted for key, row in edits(out).items()} == painted


@pytest.mark.slow
def test_an_honest_editor_gives_nothing_away(tmp_path: Path) -> None:
    (found,) = figures(World(tmp_path, 20, honest).audit(FEW))["shortcut"]
    assert found["painted"]["low"] < 0.5 < found["painted"]["high"]
    assert found["sham_pairs"]["low"] < 0.5 < found["sham_pairs"]["high"]
    assert not found["verdict"].startswith("shortcut")


def test_the_page_holds_everything_and_runs_only_its_own_script(telling: tuple[World, Path]) -> None:
    page = (telling[1] / "audit.html").read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page) and "@import" not in page
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page and not re.findall(r"\son\w+=", page)
    assert page.count('<div class="slider">') == 2 + 2 + 2 + 2  # seams, quality, shams, contact sheet
    assert "nobody removed, 3 areas painted" in page and "the edits give themselves away" in page


def test_equal_input_gives_equal_bytes_and_another_seed_another_sheet(tmp_path: Path) -> None:
    names = ("audit.parquet", "edits.parquet", "audit.json", "audit.html")
    some = FEW.model_copy(update={"photographs": 3})
    first, again = (World(tmp_path / name, 5, smooth).audit(some) for name in ("first", "again"))
    assert all((first / name).read_bytes() == (again / name).read_bytes() for name in names)
    assert len({row.parent_id for row in edits(first).values()}) == 3
    other = World(tmp_path / "other", 5, smooth).audit(some, seed=1)
    assert {row.parent_id for row in edits(other).values()} != {row.parent_id for row in edits(first).values()}
    assert not any(path.is_file() for path in (tmp_path / "first" / "results" / ".work").rglob("*"))


def test_pixels_changed_outside_a_mask_are_counted_and_shown(tmp_path: Path) -> None:
    world = World(tmp_path, 2, smooth)
    last = next(edit for edit in world.edits if edit.level == 3)
    pixels = decode(world.files[f"{last.id}.png"])
    pixels[-1, -3:] ^= 255
    world.files[f"{last.id}.png"] = encode_png(pixels)
    out = world.audit(FEW)
    found = figures(out)["pixels"]
    assert found["outside"]["changed"] == found["between_levels"]["changed"] == {last.id: 3}
    assert found["outside"]["share"] == 7 / 8
    assert "Changed outside the mask" in (out / "audit.html").read_text()


def test_an_editor_that_leaves_people_as_they_are_is_found_out(tmp_path: Path) -> None:
    world = World(tmp_path, 2, smooth)
    row = world.photographs[0]
    idle = next(edit for edit in world.edits if edit.parent_id == row.id and edit.level == 3)
    world.files[f"{idle.id}.png"] = (tmp_path / "photographs" / row.path).read_bytes()
    out = world.audit(FEW)
    found = figures(out)
    assert found["order"]["edited"]["share"] == 1.0, "by the masks alone nothing is wrong"
    heads = found["pixels"]["heads"]
    assert heads["unchanged"] == {idle.id: 3} and heads["number"] == 12 and heads["right"] == 9
    assert "Painted heads that look the same" in (out / "audit.html").read_text()


def test_shams_over_people_whom_nobody_detected_have_no_vote(tmp_path: Path) -> None:
    world = World(tmp_path, 6, smooth)
    hidden = {"x": 20.0, "y": 100.0}
    for index in (0, 1):
        row = world.photographs[index]
        world.photographs[index] = dataclasses.replace(row, points=[*(row.points or []), hidden], count=4)
    found = figures(world.audit(FEW))
    assert found["order"]["wrong"] == {"bystander": 2}
    assert found["shortcut"][0]["shams_over_people"] == 2
    assert found["shortcut"][0]["sham_pairs"]["number"] == found["shortcut"][0]["painted"]["scenes"] == 4


def test_a_sham_on_top_of_a_level_is_held_against_that_level(tmp_path: Path) -> None:
    world = World(tmp_path, 1, smooth)
    first = next(edit for edit in world.edits if edit.recipe == "chain" and edit.level == 1)
    below = rle.decode(first.mask or "", HEIGHT, WIDTH)
    area = around([box(150, 68)])
    pixels = decode(world.files[f"{first.id}.png"])
    pixels[area] = 0
    sham, _, _ = world.add(world.photographs[0], "sham", 2, first.id, [0], below | area, pixels)
    row = edits(world.audit(FEW))[sham]
    photograph = decode((tmp_path / "photographs" / world.photographs[0].path).read_bytes())
    error = (photograph[area].astype(float) ** 2).mean()
    assert row.psnr == pytest.approx(10 * np.log10(255**2 / error)), "only what the sham added is compared"
    assert (row.changed_base, row.changed_outside, row.painted) == (0, 0, int((below | area).sum()))


def test_without_any_truth_the_figures_say_so(tmp_path: Path) -> None:
    world = World(tmp_path, 2, smooth)
    world.photographs = [dataclasses.replace(row, points=None, count=None) for row in world.photographs]
    world.edits = [edit for edit in world.edits if edit.recipe != "sham"]
    world.pairs = [pair for pair in world.pairs if pair.kind != "sham-equal"]
    out = world.audit(FEW)
    found = figures(out)
    assert found["order"]["edited"]["share"] is None and found["order"]["unaudited"] == {"unlabelled": 4}
    assert found["shortcut"][0]["verdict"].startswith("unknown") and found["pixels"]["quality"] == []
    page = (out / "audit.html").read_text()
    assert "No edited pair could be checked" in page
    assert "No measured edit has a known true background" in page


def test_images_without_any_edit_or_pair_still_make_a_page(tmp_path: Path) -> None:
    world = World(tmp_path, 2, smooth)
    world.pairs, first = [], [edit for edit in world.edits if edit.recipe == "chain" and edit.level == 1]
    world.edits = [dataclasses.replace(edit, status="rejected", reason="nobody: none") for edit in first]
    found = figures(world.audit(FEW))
    assert found["rejections"]["outcomes"] == {"rejected: nobody": 2}
    assert (found["pixels"]["measured"], found["shortcut"], found["order"]["pairs"]) == (0, [], 0)


def test_bad_edits_are_rows_with_reasons(tmp_path: Path) -> None:
    world = World(tmp_path, 4, smooth)
    levels = [edit for edit in world.edits if edit.recipe == "chain" and edit.level == 3]
    del world.files[f"{levels[0].id}.png"]
    world.files[f"{levels[1].id}.png"] = encode_png(np.zeros((8, 8, 3), np.uint8))
    small = rle.encode(np.ones((4, 4), bool), height=4, width=4)
    world.edits[world.edits.index(levels[2])] = dataclasses.replace(levels[2], mask=small)
    (tmp_path / "photographs" / world.photographs[3].path).write_bytes(b"no image")
    out = world.audit(FEW)
    found = figures(out)
    assert found["pixels"]["unmeasured"] == {"mask": 1, "size": 1, "unreadable": 5}
    assert found["order"]["unaudited"] == {"mask": 1}
    assert all(row.status == "rejected" and row.psnr is None for row in edits(out).values() if row.reason)


def test_rejections_and_the_check_are_counted(tmp_path: Path) -> None:
    world = World(tmp_path, 2, smooth)
    checked = {"residual": 1, "hallucinated": 2, "lost": 0, "count_before": 3, "count_after": 2, "attempts": 2}
    world.edits[0] = dataclasses.replace(world.edits[0], **checked)
    world.edits[4] = dataclasses.replace(world.edits[4], status="rejected", reason="residual: 1 left", attempts=2)
    world.pairs = [pair for pair in world.pairs if world.edits[4].id not in (pair.more_id, pair.fewer_id)]
    out = world.audit(FEW)
    found = figures(out)["rejections"]
    assert found["outcomes"] == {"ok": 7, "rejected: residual": 1}
    assert found["retried"] == {"number": 2, "kept": 1}
    assert (found["check"]["residual"], found["check"]["hallucinated"], found["check"]["checked"]) == (1, 2, 1)
    assert "1 still seen, 2 invented, 0 lost" in (out / "audit.html").read_text()


@pytest.mark.parametrize("key", ["bins", "deltas"])
def test_bins_that_do_not_rise_from_0_and_odd_patches_are_refused(key: str) -> None:
    for lows in ([1, 2], [0, 2, 2], [0, 5, 3]):
        with pytest.raises(ValueError, match="must rise from 0"):
            AuditPairs(**{key: lows})
    with pytest.raises(ValueError, match="multiple of 8"):
        AuditPairs(patch=12)
