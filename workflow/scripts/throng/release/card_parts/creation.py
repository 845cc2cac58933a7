"""Card sections on how the data came to be: sources, accounts of every stage, rejections, backends, seeds, privacy."""

from collections import Counter
from typing import Any

from throng.release.backends import backends_used
from throng.release.card_parts.groups import counted, kept, outcome
from throng.release.card_parts.markdown import bullets, table, text
from throng.release.facts import Facts
from throng.release.ledger import Line


def sources(facts: Facts) -> str:
    """Count the usable photographs and renderings by source and terms, and say where they are from."""
    origins = facts.config.card.origins
    found = kept(facts.corpus, "images", "source", "licence", "redistributable")
    rows = [
        [f"`{source}`", origins.get(source), licence, "yes" if allowed else "no", number]
        for (source, licence, allowed), number in found.items()
    ]
    return table(["source", "origin", "licence", "pixels may be passed on", "images"], rows)


def accounts(facts: Facts) -> str:
    """Return the ledger: what went into every stage, what came out, what was rejected and why."""
    header = ["stage", "in", "accounted for", "rows kept", "rows rejected", "by reason"]
    note = "Rows in are rows kept or rejected with a reason at every stage."
    return f"{table(header, [_account(line) for line in facts.ledger])}\n\n{note}"


def _account(line: Line) -> list[Any]:
    reasons = ", ".join(f"{reason}: {number}" for reason, number in line.rejected.items())
    rejected = sum(line.rejected.values())
    return [line.stage, f"{line.units_in} {line.unit}", line.units_out, line.kept, rejected, reasons]


def rejected_edits(facts: Facts) -> str:
    """Count kept and rejected edits by recipe and reason."""
    found: Counter[tuple[str, str]] = Counter()
    for (recipe, status, reason), number in counted(facts.corpus, "removals", "recipe", "status", "reason").items():
        found[recipe, outcome(status, reason)] += number
    rows = [[recipe, what, number] for (recipe, what), number in sorted(found.items())]
    return f"Edits by recipe and what came of them:\n\n{table(['recipe', 'outcome', 'edits'], rows)}" if rows else ""


def makers(facts: Facts) -> str:
    """Return the backends that made kept rows, with their models, and the seeds."""
    models = {
        (name, footer["backend"] or ""): footer["model"] for name, parts in facts.footers.items() for footer in parts
    }
    rows = []
    for name, counts in backends_used(facts.corpus).items():
        for backend, number in counts.items():
            model = models.get((name, backend)) or {}
            spelled = ", ".join(f"{key} {value}" for key, value in sorted(model.items()))
            rows.append([f"`{name}`", backend, number, spelled or "none"])
    seeds = sorted({footer["seed"] for parts in facts.footers.values() for footer in parts})
    note = (
        f"Dataset seed {', '.join(map(str, seeds))}. The configuration and code digest of every stage are in "
        f"`index.json` under `made_by`, this release's own under `provenance`."
    )
    return f"Kept rows by what made them:\n\n{table(['table', 'backend', 'rows kept', 'model'], rows)}\n\n{note}"


def annotation(facts: Facts) -> str:
    """Return how the labels came to be, for the products that are here."""
    products = {total.product for total in facts.totals if total.samples}
    return bullets(words for product, words in ANNOTATION if product in products)


ANNOTATION = (
    (
        "ranked_pairs",
        "**ranked pairs**: a detector finds people (or the source's boxes name them), an inpainter removes some, and "
        "the people removed are the label; shams paint as much where nobody is.",
    ),
    (
        "fixed_count",
        "**counts**: exact where the image was put together from known people; elsewhere estimated from the request "
        "and from what a detector or a counter sees, with a standard deviation and a weight.",
    ),
    (
        "density_labelled",
        "**density**: a score and a class by a stated method on head points or boxes, and people per square metre "
        "with an interval where the people in the image tell the ground plane.",
    ),
    ("requested_density", "**requested density**: the label that a generator was asked for; nobody counted."),
)


def privacy(facts: Facts) -> str:
    """Return what was done to images before they left, as a list."""
    return bullets(privacy_points(facts))


def privacy_points(facts: Facts) -> list[str]:
    """Return what was done to images before they left, and who was left out because they asked."""
    done = facts.finishing
    return [
        _people(facts),
        "No name, age, face identity or other attribute of a person is recorded: a person is a point, a box or a mask.",
        _either(
            done.get("metadata_stripped"),
            "EXIF, comments and all other metadata but colour profile and orientation were taken out of image files.",
            "Image files keep the metadata that they came with, EXIF included.",
        ),
        _either(
            done.get("faces_blurred"),
            "The heads of all known people were blurred in photographs and in edits of them.",
            "Faces were not blurred.",
        ),
        _either(
            done.get("opt_out_list"),
            "A list of withdrawn images was honoured: nothing here shows them or comes from them.",
            f"No list of withdrawn images was given; to have one withdrawn, write to {contact(facts)}.",
        ),
        _either(
            done.get("xmp_marked"),
            "Every made or edited image says so itself: XMP `Iptc4xmpExt:DigitalSourceType` inside the file.",
            "Made and edited images are not marked inside their files; the columns say which they are.",
        ),
    ]


def _people(facts: Facts) -> str:
    names = {source for (source,) in kept(facts.corpus, "images", "source")}
    if names - set(facts.config.rendered):
        return "Photographs show people in public who were not asked, and so do edits and composites of them."
    return "All sources are rendered: the people in their images do not exist."


def _either(done: object, yes: str, no: str) -> str:
    return yes if done else no


def contact(facts: Facts) -> str:
    """Return where to write to."""
    return text(facts.config.card.contact or facts.config.card.url)
