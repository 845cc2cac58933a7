"""Section ``release``: the shards."""

from typing import Literal

from throng.sections.base import Section, setting
from throng.sections.release_card import Card
from throng.sections.release_privacy import Marking, Privacy

Product = Literal["ranked_pairs", "fixed_count", "density_labelled", "requested_density"]


class Release(Section):
    """Parquet and WebDataset shards, an index with sha256, a card, and a check that loads everything back."""

    name: str = setting("throng-demo", "name of the dataset", pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: str = setting(
        "0.1.0",
        "semantic version of the dataset, or next: what the Croissant rule makes of previous and what changed",
        pattern=r"^(next|\d+\.\d+\.\d+)$",
    )
    previous: str | None = setting(
        None, "folder of the release before, which the version is held against; null: this is the first"
    )
    licence: str = setting("CC-BY-4.0", "licence of the release, SPDX id")
    products: list[Product] = setting(
        ["ranked_pairs", "fixed_count", "density_labelled", "requested_density"],
        "what is released; requested_density are the images that sample_gan drew",
        min_length=1,
    )
    backends: list[str] = setting(
        ["annotations", "ultralytics", "opencv", "composite", "rendered", "diffusers", "stylegan3", "r3gan"],
        "backends whose rows may be released; a row of another stops the release",
    )
    rendered: list[str] = setting(
        ["rendered_crowdhuman", "rendered_shanghaitech"],
        "sources whose images are renderings: they are said and marked to be made, not photographed",
    )
    shared_scenes: list[str] = setting(
        [], "sources published with scenes in test and another split: reported in the card, not refused"
    )
    near_duplicates: Literal["leave_out", "refuse"] = setting(
        "leave_out",
        "what becomes of training samples that audit_leakage finds again in a held-out split or a known test set",
    )
    privacy: Privacy = setting(Privacy(), "what is taken out of images before they leave")
    marking: Marking = setting(Marking(), "how made images say that they are made")
    card: Card = setting(Card(), "what no run can know: who releases this, and what for")
    shard_bytes: int = setting(256_000_000, "target size of a shard, bytes", ge=1_000_000)
