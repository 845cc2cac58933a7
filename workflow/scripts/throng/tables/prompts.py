"""Table ``prompts``: the images to be synthesised, one row each, addressed by content."""

import dataclasses
from typing import Any

import pyarrow as pa

from throng.manifest import Table, column
from throng.provenance import canonical_json, digest

ID_DIGITS = 16


@dataclasses.dataclass(frozen=True, slots=True)
class PromptRow:
    """One requested image; see SCHEMA."""

    id: str
    count: int | None
    density: str
    fewest: int
    most: int
    template: str
    viewpoint: str
    conditions: str
    wording: str
    repeat: int
    text: str
    negative: str
    seed: int
    split: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "hash of all that decides the image, so an unchanged row keeps its image"),
        column("count", pa.int32(), "requested number of people; null where a density is requested", nullable=True),
        column("density", pa.string(), "requested density: none, sparse or dense; empty where a count is requested"),
        column("fewest", pa.int32(), "fewest people that meet the request; the count, where one is requested"),
        column("most", pa.int32(), "most people that meet the request; the count, where one is requested"),
        column("template", pa.string(), "name of the scene template; file, for a row of the user's own"),
        column("viewpoint", pa.string(), "viewpoint in the text; empty when it has none"),
        column("conditions", pa.string(), "time and weather in the text; empty when it has none"),
        column("wording", pa.string(), "how the text says the count: figures or words; empty when it does not"),
        column("repeat", pa.int32(), "which of the images of one text, from 0"),
        column("text", pa.string(), "the prompt"),
        column("negative", pa.string(), "what a prompted model is kept from drawing; empty: nothing"),
        column("seed", pa.uint64(), "the image's own seed"),
        column("split", pa.string(), "train, val or test"),
    ]
)

TABLE = Table("prompts", 2, SCHEMA, key=("id",), stage="prompt")


def content_id(row: PromptRow) -> str:
    """Return the id that a row's content gives it: of everything but the split, which no image depends on."""
    said: dict[str, Any] = {name: getattr(row, name) for name in SCHEMA.names if name not in ("id", "split")}
    return digest(canonical_json(said))[:ID_DIGITS]
