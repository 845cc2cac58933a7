"""Table ``audited_edits``: what the pixels of every measured edit show, one row per edit."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class AuditedEditRow:
    """One measured edit; see SCHEMA."""

    id: str
    parent_id: str
    recipe: str
    level: int
    backend: str
    source: str
    split: str
    scene: str
    path: str
    detected_count: int
    painted: int | None
    changed_outside: int | None
    changed_base: int | None
    heads_painted: int | None
    heads_unchanged: int | None
    seam: float | None
    sharpness: float | None
    sharpness_before: float | None
    background: str
    psnr: float | None
    ssim: float | None
    gmsd: float | None
    tell: float | None
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "id of the edit in table removals"),
        column("parent_id", pa.string(), "id of the photograph"),
        column("recipe", pa.string(), "chain, sham, reduce or enlarge"),
        column("level", pa.int32(), "level of the edit in table removals"),
        column("backend", pa.string(), "remover that made the edit"),
        column("source", pa.string(), "source of the photograph"),
        column("split", pa.string(), "train, val or test"),
        column("scene", pa.string(), "scene group of the photograph"),
        column("path", pa.string(), "path of the edit's pixels below the results folder"),
        column("detected_count", pa.int32(), "people detected in the photograph"),
        column("painted", pa.int64(), "pixels in the mask; null: the whole image was rendered again", nullable=True),
        column(
            "changed_outside",
            pa.int64(),
            "pixels outside the mask that differ from the photograph; null without a mask",
            nullable=True,
        ),
        column(
            "changed_base",
            pa.int64(),
            "pixels that differ from the level before outside what the mask adds to it; null where no level was before",
            nullable=True,
        ),
        column(
            "heads_painted",
            pa.int32(),
            "annotated heads under the mask, of a sham under what it adds; null without a mask or when unlabelled",
            nullable=True,
        ),
        column(
            "heads_unchanged",
            pa.int32(),
            "those of them around which the pixels are nearly the photograph's; null like heads_painted",
            nullable=True,
        ),
        column(
            "seam",
            pa.float64(),
            "step across the mask's border over the photograph's there, each plus 1 grey level; null without a mask",
            nullable=True,
        ),
        column(
            "sharpness",
            pa.float64(),
            "variance of the Laplacian inside the mask over that in the ring around it; null without either",
            nullable=True,
        ),
        column("sharpness_before", pa.float64(), "the same of the photograph; null without either", nullable=True),
        column(
            "background",
            pa.string(),
            "where the true background is from: photograph (of a sham), rendered again, or empty when unknown",
        ),
        column("psnr", pa.float64(), "PSNR inside the mask, dB, 100 when equal; null when unknown", nullable=True),
        column("ssim", pa.float64(), "mean SSIM of the luma inside the mask; null when unknown", nullable=True),
        column(
            "gmsd", pa.float64(), "deviation of the gradient magnitude similarity inside the mask; null when unknown",
            nullable=True,
        ),
        column(
            "tell",
            pa.float64(),
            "how much more edited than the photograph the probe finds it (log-odds, summed over the painted patches); "
            "null where the probe has no answer",
            nullable=True,
        ),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why an edit could not be measured, empty otherwise"),
    ]
)  # fmt: skip

TABLE = Table("audited_edits", 1, SCHEMA, key=("parent_id", "recipe", "level", "id"), stage="audit_pairs")
