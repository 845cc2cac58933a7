"""What makes a rebuilt folder say that it is its user's own: its index, its card, and flags that stay as they were."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from throng.files import sha256_file
from throng.release.croissant import CROISSANT
from throng.release.index import CARD, INDEX, REBUILT, read_index, write_index, write_sums
from throng.release.rebuild.outcome import Outcome
from throng.release.rebuild.recipes import Recipes

FLAGGED = ("images", "synthetic", "gan_samples")
NOTICE = (
    "> **Not to be passed on.** This folder was rebuilt by `throng rebuild` from the recipes of release {name} "
    "{version} and its user's own copy of the sources. Their terms forbid passing these pixels and annotations on, as "
    "table `images` says of each; whoever wants them rebuilds them. It holds {rebuilt} of {all} recipes; samples that "
    "the release holds with pixels are there."
)


def seal(recipes: Recipes, outcome: Outcome, folder: Path) -> None:
    """Turn a release just written into one that nobody may pass on, and say so in its tables, index and card."""
    for name in FLAGGED:
        _flag(folder / "tables" / f"{name}.parquet", recipes)
    (folder / CROISSANT).unlink(missing_ok=True)  # it is for those who publish
    _notice(recipes, outcome, folder / CARD)
    index = read_index(folder)
    files = [_described(folder, entry) for entry in index["files"] if entry["path"] != CROISSANT]
    index["files"] = files
    index["totals"] |= {"files": len(files), "bytes": sum(entry["bytes"] for entry in files)}
    index[REBUILT] = {
        "from": {
            "name": recipes.index["name"],
            "version": recipes.index["version"],
            "index_sha256": sha256_file(recipes.folder / INDEX),
        },
        "may_be_passed_on": False,
        "products": {
            product: {"rebuilt": outcome.rebuilt[product], "not": outcome.kinds(product)}
            for product, rows in recipes.samples.items()
            if rows
        },
    }
    write_index(folder, index)
    write_sums(folder)


def _flag(path: Path, recipes: Recipes) -> None:
    """Write a table again with column ``redistributable`` as the release has it."""
    if not path.is_file():
        return
    table = pq.read_table(path)
    key = ("source", "path") if path.stem == "images" else ("id",)
    allowed = {tuple(getattr(row, name) for name in key): row.redistributable for row in recipes.tables[path.stem]}
    keys = zip(*(table.column(name).to_pylist() for name in key), strict=True)
    place = table.schema.get_field_index("redistributable")
    column = pa.array([allowed.get(one, False) for one in keys], pa.bool_())
    table = table.set_column(place, table.schema.field(place), column)
    pq.write_table(table, path, compression="zstd", row_group_size=10_000, write_page_index=True)


def _notice(recipes: Recipes, outcome: Outcome, path: Path) -> None:
    """Put the notice between a card's front matter and its text."""
    _, front, text = path.read_text().split("---\n", 2)
    done, all_of_them = sum(outcome.rebuilt.values()), sum(map(len, recipes.samples.values()))
    index = recipes.index
    notice = NOTICE.format(name=index["name"], version=index["version"], rebuilt=done, all=all_of_them)
    path.write_text(f"---\n{front}---\n\n{notice}\n{text}")


def _described(folder: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    path = folder / entry["path"]
    return {**entry, "sha256": sha256_file(path), "bytes": path.stat().st_size}
