"""A prompt table of the user's own, CSV or Parquet: one image or several asked for by every row."""

import csv
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from throng.errors import ThrongError, first_line
from throng.prompts import STAGE, addressed_row
from throng.provenance import canonical_json
from throng.sections.prompt import FILE
from throng.seeds import sample_seed
from throng.tables.prompts import PromptRow

Number = Annotated[int, Field(ge=0, le=100_000)]


MOST_ROWS = 1_000_000


class OwnPrompt(BaseModel):
    """One row of such a table; its fields are the columns that it may have."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    text: Annotated[str, Field(min_length=1)]
    count: Number | None = None
    density: Literal["none", "sparse", "dense"] | None = None
    fewest: Number | None = None
    most: Number | None = None
    negative: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**64)] | None = None
    split: Literal["train", "val", "test"] = "train"
    repeats: Annotated[int, Field(ge=1, le=10_000)] = 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.count is None) == (self.density is None):
            raise ValueError("a row has either a count or a density")
        ranged = self.fewest is not None and self.most is not None
        if self.density in ("sparse", "dense"):
            if not (ranged and 1 <= (self.fewest or 0) <= (self.most or 0)):
                raise ValueError(f"density {self.density} needs fewest and most, from 1 and rising")
        elif self.fewest is not None or self.most is not None:
            raise ValueError("fewest and most belong to the densities sparse and dense")
        return self


def own_rows(path: Path, dataset_seed: int) -> list[PromptRow]:
    """Return the prompts of a user's table, ``repeats`` of each row; a row without a seed gets one from its content.

    Columns: ``text``, ``count`` or ``density`` (with ``fewest`` and ``most`` where it is sparse or dense), and if
    wanted ``negative``, ``seed`` (of the first repeat), ``split`` and ``repeats``. Raises ThrongError naming file, row
    (the first below the heading is 1) and column of what is wrong, or the two rows that ask for the same.
    """
    seen: dict[str, int] = {}
    rows: list[PromptRow] = []
    for number, record in enumerate(_records(path), start=1):
        own = _checked(path, number, record)
        same = canonical_json(own.model_dump(exclude={"split", "repeats"}))
        if same in seen:
            raise ThrongError(
                f"{path}, row {number}: asks for the same as row {seen[same]}; for several images of one text give "
                f"column 'repeats', or every row a seed of its own"
            )
        seen[same] = number
        rows += _repeated(own, dataset_seed)
    if not rows:
        raise ThrongError(f"{path}: has no rows; a prompt table needs at least one")
    return rows


def _repeated(own: OwnPrompt, dataset_seed: int) -> Iterator[PromptRow]:
    for repeat in range(own.repeats):
        asked = {
            "count": own.count,
            "density": own.density or "",
            "fewest": own.fewest or own.count or 0,
            "most": own.most or own.count or 0,
            "template": FILE,
            "viewpoint": "",
            "conditions": "",
            "wording": "",
            "repeat": repeat,
            "text": own.text,
            "negative": own.negative,
        }
        if own.seed is None:
            seed = sample_seed(dataset_seed, STAGE, canonical_json(asked))
        else:
            seed = own.seed if repeat == 0 else sample_seed(own.seed, STAGE, str(repeat))
        yield dataclasses.replace(addressed_row(seed, **asked), split=own.split)


def _checked(path: Path, number: int, record: Mapping[str, Any]) -> OwnPrompt:
    try:
        return OwnPrompt.model_validate({name: value for name, value in record.items() if value not in (None, "")})
    except ValidationError as error:
        problem = error.errors()[0]
        column = ".".join(map(str, problem["loc"]))
        said = problem["msg"].removeprefix("Value error, ")
        got = f", got {problem['input']!r}" if column and problem["type"] != "missing" else ""
        where = f"{path}, row {number}" + (f", column {column!r}" if column else "")
        raise ThrongError(f"{where}: {said}{got}") from error


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    read = {".csv": _csv_records, ".parquet": _parquet_records}.get(path.suffix.lower())
    if read is None:
        raise ThrongError(f"prompt.own: {path} is neither .csv nor .parquet")
    if not path.is_file():
        raise ThrongError(f"prompt.own: {path} does not exist")
    return read(path)


def _csv_records(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="", strict=True)
            _check_columns(path, reader.fieldnames or [])
            for number, record in enumerate(reader, start=1):
                if "" in record:
                    raise ThrongError(f"{path}, row {number}: has more values than the heading has columns")
                yield record
    except (UnicodeDecodeError, csv.Error) as error:
        raise ThrongError(f"{path}: is no UTF-8 CSV file ({error})") from error


def _parquet_records(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        held = pq.read_metadata(path).num_rows
        if held > MOST_ROWS:
            raise ThrongError(f"{path}: has {held} rows, expected at most {MOST_ROWS}; divide it among several runs")
        data = pq.read_table(path)
        rows = data.to_pylist()
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise ThrongError(f"{path}: not a readable Parquet file ({first_line(error)})") from error
    _check_columns(path, data.schema.names)
    yield from rows


def _check_columns(path: Path, names: Sequence[str]) -> None:
    known = list(OwnPrompt.model_fields)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ThrongError(f"{path}: unknown column {unknown[0]!r}; known are {', '.join(known)}")
    if "text" not in names or not {"count", "density"} & set(names):
        raise ThrongError(f"{path}: needs a column 'text' and a column 'count' or 'density'")
    if len(set(names)) < len(names):
        raise ThrongError(f"{path}: a column is named twice")
