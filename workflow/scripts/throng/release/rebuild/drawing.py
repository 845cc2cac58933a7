"""Images that a trained generator drew, drawn again by its file: seed, label and truncation address each."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from throng.images import encode_png
from throng.release.rebuild.edits import DIFFERENT, FAULTS, retry
from throng.release.rebuild.pins import Pins
from throng.release.rebuild.recipes import WITHDRAWN, Recipes
from throng.release.rebuild.surroundings import differences
from throng.tables.gan_samples import GanSampleRow
from throng.workdir import Made, Workdir, process


def redraw(recipes: Recipes, wanted: Collection[str], models: Pins, work: Workdir, device: str) -> dict[str, str]:
    """Draw the ``wanted`` images as files ``<id>.png`` of ``work``.

    Returns what is wrong with each that could not be drawn identical, as "short kind: detail".
    """
    rows: dict[str, GanSampleRow] = {row.id: row for row in recipes.tables["gan_samples"]}
    faults = {name: f"{WITHDRAWN}: the release does not hold its row" for name in wanted if name not in rows}
    by_generator: dict[str, list[GanSampleRow]] = {}
    for name in sorted(wanted - faults.keys()):
        by_generator.setdefault(rows[name].generator, []).append(rows[name])
    retry(work)
    for generator, mine in sorted(by_generator.items()):
        pin = {"file": f"the generator {mine[0].gan!r}", "sha256": generator}
        file = models.find(pin)
        if isinstance(file, str):
            faults |= dict.fromkeys((row.id for row in mine), file)
        else:
            faults |= _redrawn(mine, file, recipes.footers("gan_samples")[0], work, device)
    return faults


def _redrawn(
    rows: list[GanSampleRow], file: Path, footer: Mapping[str, Any], work: Workdir, device: str
) -> dict[str, str]:
    from throng.diffusion.device import claimed
    from throng.gan.files import read_generator
    from throng.gan.painter import Painter
    from throng.gan.requests import Request

    painter = Painter(read_generator(file), claimed(device, "rebuild"))

    def make(row: GanSampleRow) -> Made:
        request = Request(row.label_kind, tuple(row.label), row.label_name)  # pyright: ignore[reportArgumentType]
        (image,) = painter.images([row.seed], [request], truncation=row.truncation)
        data = encode_png(image)
        if hashlib.sha256(data).hexdigest() != row.sha256:
            why = differences(footer, ())
            return {FAULTS: {row.id: f"{DIFFERENT}: image {row.id} comes out otherwise ({why})"}}, {}
        return {FAULTS: {}}, {f"{row.id}.png": data}

    done = process(work, {row.id: row for row in rows}, make, threads=1, stage="rebuild: drawn images")
    return {name: reason for group in done.values() for name, reason in group[FAULTS].items()}
