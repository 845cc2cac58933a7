"""Table ``prompts``: the images to be synthesised, one row each, addressed by content."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class PromptRow:
    """One requested image; see SCHEMA."""

    id: str
    count: int
    template: str
    repeat: int
    text: str
    seed: int
    split: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "hash of count, text and seed, so an unchanged row keeps its image"),
        column("count", pa.int32(), "requested number of people"),
        column("template", pa.string(), "scene template with its placeholders"),
        column("repeat", pa.int32(), "which of the images of one count and template, from 0"),
        column("text", pa.string(), "the prompt"),
        column("seed", pa.uint64(), "the image's own seed"),
        column("split", pa.string(), "train, val or test"),
    ]
)

TABLE = Table("prompts", 1, SCHEMA, key=("id",), stage="prompt")
