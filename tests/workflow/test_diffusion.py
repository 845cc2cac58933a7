"""The diffusion backends in the real workflow, with a small pipeline from disk: edits, pairs, audit."""

from pathlib import Path

import pytest

from tests.pipelines import build
from tests.workflow.conftest import checkout
from throng.manifest import read_rows
from throng.tables import ranked_pairs, removals
from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow

pytestmark = pytest.mark.slow

RESULTS = Path("results") / "tiny"
INPAINT = """
remove: {backend: diffusers-inpaint, model: MODEL, steps: 2, kept: [0.5, 0.0], shams: 1, check: null}
"""
IMG2IMG = """
remove: {backend: diffusers-img2img, model: MODEL, steps: 4, reduced: 4, enlarged: 1, check: null}
rank_pairs: {kinds: [real-reduced, enlarged-real, enlarged-reduced]}
"""


def run(project, model: Path, overlay: str) -> tuple[list[RemovalRow], list[RankedPairRow]]:
    name = project.overlay(overlay.replace("MODEL", str(model)))[1]
    project.run(str(RESULTS / "audit_pairs" / "audit.html"), "--configfile", "config/tiny.yaml", name)
    edits = read_rows(sorted((project.folder / RESULTS / "remove").glob("*.parquet")), removals.TABLE, RemovalRow)
    pairs = read_rows(
        [project.folder / RESULTS / "rank_pairs" / "ranked_pairs.parquet"], ranked_pairs.TABLE, RankedPairRow
    )
    return edits, pairs


def test_inpainting_makes_chains_and_shams(tmp_path):
    project = checkout(tmp_path)
    edits, pairs = run(project, build(tmp_path / "model"), INPAINT)
    made = [row for row in edits if row.status == "ok"]
    assert {row.recipe for row in made} == {"chain", "sham"}
    assert all(row.mask and '"steps":2' in row.options for row in made)
    assert {pair.kind for pair in pairs} >= {"real-edited", "edited-edited", "sham-equal"}


def test_rendering_again_makes_variants_with_fewer_and_with_more(tmp_path):
    project = checkout(tmp_path)
    edits, pairs = run(project, build(tmp_path / "model", "text-to-image"), IMG2IMG)
    made = [row for row in edits if row.status == "ok"]
    assert {(row.recipe, row.level) for row in made} == {*(("reduce", n) for n in range(1, 5)), ("enlarge", 1)}
    assert all(row.removed_count is None and row.mask is None for row in made)
    assert {(pair.kind, pair.delta) for pair in pairs} == {
        ("real-reduced", None),
        ("enlarged-real", None),
        ("enlarged-reduced", None),
    }
