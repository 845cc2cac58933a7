"""Where the data comes from, in PROV-O: sources, the stages that made it in their order, and the agents of each."""

from collections.abc import Iterator, Mapping
from typing import Any

from throng.provenance import canonical_json, digest
from throng.release.card_parts.groups import kept
from throng.release.facts import Facts

Node = dict[str, Any]

DOES = {
    "ingest": "Data collection: reads photographs and annotations of the sources, and gives each a scene and a split.",
    "detect": "Data annotation: finds the people in every photograph, by a detector or by the source's boxes.",
    "remove": "Data synthesis: removes people from photographs by inpainting, and paints shams where nobody is.",
    "rank_pairs": "Data annotation: pairs photographs and edits whose order, and mostly difference, is known.",
    "prompt": "Data synthesis: writes the requests that images are made for.",
    "synthesize": "Data synthesis: makes an image for every request by composition, rendering, or a prompted model.",
    "calibrate_counts": "Data cleaning and annotation: rejects wrong images, estimates the others' counts.",
    "label_density": "Data annotation: classes of density, people per square metre where the ground is known.",
    "sample_gan": "Data synthesis: draws images of a requested density from a trained generator.",
    "release": "Packaging: takes metadata off images, marks made ones, and writes shards, tables and this description.",
}
PARENT = ("parent_id", "parent_source", "parent_path", "parent_sha256")
TEXT = ("prompt", "negative_prompt", "template", "viewpoint", "conditions", "wording")
# which stage decided a column of a product; the first entry of each is what decided all the others
DECIDED = {
    "ranked_pairs": (
        "rank_pairs",
        {
            "remove": ("image_more", "image_fewer", "more_removed", "fewer_removed", "remover"),
            "ingest": ("split", "scene", "width", "height", "licence", *PARENT),
            "detect": ("detector",),
            "release": ("more_sha256", "fewer_sha256"),
        },
    ),
    "fixed_count": (
        "synthesize",
        {
            "calibrate_counts": ("count", "count_std", "count_exact", "count_detected", "count_predicted", "weight"),
            "label_density": ("density_class", "density_class_name", "density_score", "density_method"),
            "prompt": ("requested", "density", *TEXT, "repeat", "seed"),
            "release": ("sha256",),
        },
    ),
    "density_labelled": (
        "label_density",
        {
            "ingest": ("split", "scene", "width", "height", "licence", "source", "path", "source_sha256"),
            "synthesize": ("image", "maker"),
            "release": ("sha256", "medium"),
        },
    ),
    "requested_density": ("sample_gan", {"release": ("sha256",)}),
}


def stage_of(product: str, column: str) -> str:
    """Return the stage that decided a column of a product."""
    usual, others = DECIDED[product]
    return next((stage for stage, columns in others.items() if column in columns), usual)


def generated_by(stage: str) -> Node:
    """Return a reference to the activity of a stage."""
    return {"@id": f"stage/{stage}"}


def derived_from(facts: Facts) -> list[Node]:
    """Return the sources: by the URL that the configuration names, else by their name in it."""
    origins = facts.config.card.origins
    found: dict[str, set[str]] = {}
    for source, licence in kept(facts.corpus, "images", "source", "licence"):
        found.setdefault(source, set()).add(licence)
    return [
        {
            "@type": "prov:Entity",
            "@id": origins.get(source, f"urn:throng:source:{source}"),
            "prov:label": source,
            "sc:license": " AND ".join(sorted(licences)),
        }
        for source, licences in sorted(found.items())
    ]


def activities(facts: Facts) -> list[Node]:
    """Return the stages that made the data, each with the agents that did it and a digest of its configuration."""
    by_stage: dict[str, list[Mapping[str, Any]]] = {}
    for parts in facts.footers.values():
        for footer in parts:
            by_stage.setdefault(footer["stage"], []).append(footer)
    stages = [stage for stage in DOES if stage in by_stage]
    found = [_activity(stage, by_stage[stage]) for stage in stages]
    return [*found, {"@type": "prov:Activity", **generated_by("release"), "prov:label": DOES["release"]}]


def _activity(stage: str, footers: list[Mapping[str, Any]]) -> Node:
    agents = [agent for footer in footers for agent in _agents(footer)]
    return {
        "@type": "prov:Activity",
        **generated_by(stage),
        "prov:label": DOES[stage],
        "prov:wasAssociatedWith": [dict(agent) for agent in sorted(set(map(_items, agents)))],
    }


def _items(agent: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(agent.items()))


def _agents(footer: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    words = [f"throng, code {footer['code'][:16]}", f"configuration {digest(canonical_json(footer['config']))[:16]}"]
    if footer.get("backend"):
        words.append(f"backend {footer['backend']}")
    words += [f"{name} {value}" for name, value in sorted((footer.get("model") or {}).items())]
    yield {"@type": "prov:SoftwareAgent", "prov:label": ", ".join(words)}
