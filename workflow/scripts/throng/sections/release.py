"""Section ``release``: the shards."""

from typing import Literal

from throng.sections.base import Section, setting


class Release(Section):
    """Parquet and WebDataset shards, an index with sha256, a card, and a check that loads everything back."""

    name: str = setting("throng-demo", "name of the dataset", pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str = setting("0.1.0", "semantic version of the dataset", pattern=r"^\d+\.\d+\.\d+$")
    licence: str = setting("CC-BY-4.0", "licence of the release, SPDX id")
    products: list[Literal["ranked_pairs", "fixed_count", "requested_density"]] = setting(
        ["ranked_pairs", "fixed_count", "requested_density"],
        "what is released; requested_density are the images that sample_gan drew",
        min_length=1,
    )
    backends: list[str] = setting(
        ["annotations", "ultralytics", "opencv", "composite", "rendered", "diffusers", "stylegan3", "r3gan"],
        "backends whose rows may be released; a row of another stops the release",
    )
    shared_scenes: list[str] = setting(
        [], "sources published with scenes in test and another split: reported in the card, not refused"
    )
    shard_bytes: int = setting(256_000_000, "target size of a shard, bytes", ge=1_000_000)
