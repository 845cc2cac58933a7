"""The tables without pixels: whole, keyed, nothing in them that must stay behind; and what rows may point to."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from throng.errors import ThrongError, first_line
from throng.manifest import OK, REJECTED
from throng.release.corpus import TABLES
from throng.release.shards import Written

STATUS = "status"
TABLE_FOLDER = "tables/"
NEEDED = {
    "images": ("id", "source", "split", "scene", "redistributable", STATUS),
    "detections": ("id", "backend"),
    "removals": ("id", "parent_id", "base_id", "backend", STATUS),
    "prompts": ("id",),
    "synthetic": ("id", "prompt_id", "parents", "background_id", "scene", "split", STATUS),
    "calibrated_counts": ("id", STATUS),
    "density_labels": ("id", "table", STATUS),
    "gan_samples": ("id", "generator", "redistributable", STATUS),
}
ANNOTATIONS = ("count", "points", "people")


def read_plain(folder: Path, file: Written, rebuilt: bool) -> pa.Table:
    """Return a table's columns that others point to, once all of it has been read and checked.

    Raises ThrongError for an empty or repeated key, a row neither kept nor rejected for a reason, and annotations of
    a source that may not be passed on, which a rebuilt release alone may hold.
    """
    path = folder / file.path
    table, _ = TABLES[file.config]
    try:
        data = pq.read_table(path, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise ThrongError(
            f"{path}: not readable as Parquet ({first_line(error)}); download or make the release again"
        ) from error
    for field in table.schema:
        if not field.nullable and data[field.name].null_count:
            raise ThrongError(f"{path}: a row lacks its {field.name}")
    keys = data.select(list(table.key)).group_by(list(table.key)).aggregate([([], "count_all")])
    twice = keys.filter(pc.field("count_all") > 1)
    if twice.num_rows:
        raise ThrongError(f"{path}: row {_named(twice, table.key)} occurs more than once")
    if STATUS in data.schema.names:
        _check_status(path, data, table.key)
    if file.config == "images" and not rebuilt:
        _check_withheld(path, data)
    return data.select([name for name in NEEDED[file.config] if name in data.schema.names])


def _named(rows: pa.Table, key: Sequence[str]) -> str:
    return "/".join(str(rows[name][0].as_py()) for name in key)


def _check_status(path: Path, data: pa.Table, key: Sequence[str]) -> None:
    ok, rejected, reason = pc.field(STATUS) == OK, pc.field(STATUS) == REJECTED, pc.field("reason") == ""
    strange = data.filter(~(ok & reason) & ~(rejected & ~reason))
    if strange.num_rows:
        raise ThrongError(
            f"{path}: row {_named(strange, key)} is {strange[STATUS][0].as_py()!r} for reason "
            f"{strange['reason'][0].as_py()!r}; expected ok without a reason, or rejected with one"
        )


def _check_withheld(path: Path, data: pa.Table) -> None:
    known = [pc.field(name).is_valid() for name in ANNOTATIONS]
    bad = data.filter(~pc.field("redistributable") & (known[0] | known[1] | known[2]))
    if bad.num_rows:
        raise ThrongError(
            f"{path}: image {bad['id'][0].as_py()} has annotations of source {bad['source'][0].as_py()!r}, whose "
            f"terms forbid passing them on"
        )


class Plain:
    """The tables of a release, as far as others point into them."""

    def __init__(self, folder: Path, tables: Mapping[str, pa.Table], made_by: Mapping[str, Any]) -> None:
        self._folder, self.tables, self._made_by = folder, tables, made_by

    def ids(self, table: str, *, ok: bool = True) -> frozenset[str]:
        """Return the ids of a table's rows, those that were kept when ``ok``; none of a table that is not there."""
        if table not in self.tables:
            return frozenset()
        rows = self.tables[table]
        if ok and STATUS in rows.schema.names:
            rows = rows.filter(pc.field(STATUS) == OK)
        return frozenset(rows["id"].to_pylist())

    def open_photographs(self) -> frozenset[str]:
        """Return the ids of usable photographs that every source of theirs allows passing on."""
        images = self.tables["images"].filter(pc.field(STATUS) == OK)
        closed = images.filter(~pc.field("redistributable"))["id"].to_pylist()
        return frozenset(images["id"].to_pylist()) - frozenset(closed)

    def open_drawn(self) -> frozenset[str]:
        """Return the ids of drawn images that were kept and may be passed on."""
        if "gan_samples" not in self.tables:
            return frozenset()
        allowed = (pc.field(STATUS) == OK) & pc.field("redistributable")
        return frozenset(self.tables["gan_samples"].filter(allowed)["id"].to_pylist())

    def labels(self) -> frozenset[str]:
        """Return "table/id" of every kept density label."""
        rows = self.tables["density_labels"].filter(pc.field(STATUS) == OK)
        return frozenset(f"{table}/{row}" for table, row in zip(*_lists(rows, "table", "id"), strict=True))

    def emptied_by(self) -> frozenset[str]:
        """Return the backends that edited photographs, which composites may have as backgrounds."""
        return frozenset(self.tables["removals"].filter(pc.field(STATUS) == OK)["backend"].to_pylist())

    def generators(self) -> frozenset[str]:
        """Return the sha256 of the generators that drew images."""
        models = [footer.get("model") or {} for footer in self._made_by.get("gan_samples", [])]
        return frozenset(str(model.get("generator")) for model in models)

    def scenes(self) -> list[tuple[str, str, str]]:
        """Return (scene, split, what to call the row) of every usable photograph."""
        rows = self.tables["images"].filter(pc.field(STATUS) == OK)
        path = self._folder / "tables" / "images.parquet"
        found = zip(*_lists(rows, "scene", "split", "id"), strict=True)
        return [(scene, split, f"{path}, row {row}") for scene, split, row in found]

    def check_closed(self) -> None:
        """Raise ThrongError when a row of a table points to a row that no table holds."""
        photographs, images = self.ids("images"), self.ids("images", ok=False)
        edits, made = self.ids("removals"), self.ids("synthetic", ok=False)
        self._within("detections", "id", photographs, "images")
        self._within("removals", "parent_id", images, "images")
        self._within("removals", "base_id", images | edits, "images or removals")
        self._within("synthetic", "prompt_id", self.ids("prompts"), "prompts")
        self._within("synthetic", "background_id", photographs | {""}, "images")
        self._within("synthetic", "parents", photographs, "images")
        self._within("calibrated_counts", "id", made, "synthetic")
        for table, ids in (("images", images), ("synthetic", made)):
            self._within("density_labels", "id", ids, table, lambda rows, t=table: rows.filter(pc.field("table") == t))

    def _within(
        self,
        table: str,
        column: str,
        allowed: frozenset[str],
        named: str,
        chosen: Callable[[pa.Table], pa.Table] = lambda rows: rows,
    ) -> None:
        if table not in self.tables:
            return
        rows = chosen(self.tables[table])
        values = rows[column]
        flat = pc.list_flatten(values) if pa.types.is_list(values.type) else values  # pyright: ignore[reportAttributeAccessIssue]
        strangers = sorted(set(flat.to_pylist()) - allowed)
        if strangers:
            path = self._folder / "tables" / f"{table}.parquet"
            raise ThrongError(f"{path}: {column} {strangers[0]!r} is in no row of table {named}")


def _lists(rows: pa.Table, *names: str) -> list[list[Any]]:
    return [rows[name].to_pylist() for name in names]


def check_made_by(folder: Path, index: Mapping[str, Any], files: Sequence[Written]) -> None:
    """Raise ThrongError unless the index says which configuration and code made every table and product."""
    made_by = index.get("made_by")
    if not isinstance(made_by, dict):
        raise ThrongError(f"{folder / 'index.json'}: made_by is no list of footers by table")
    wanted = {file.config.removesuffix("_recipes") for file in files} & set(TABLES)
    for table in sorted(wanted):
        footers = made_by.get(table)
        if not isinstance(footers, list) or not footers:
            raise ThrongError(f"{folder / 'index.json'}: made_by does not say what made table {table}")
        for footer in footers:
            known: dict[str, Any] = footer if isinstance(footer, dict) else {}
            if known.get("schema") != table or not known.get("stage") or not known.get("code"):
                raise ThrongError(
                    f"{folder / 'index.json'}: made_by[{table}] lacks schema, stage or code: {json.dumps(footer)[:80]}"
                )
