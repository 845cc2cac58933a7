"""A release's card: front matter, then the sections of the Hugging Face template, generated from the run."""

from throng.release.card_parts import creation, findings, structure, terms, uses
from throng.release.card_parts.datasheet import datasheet
from throng.release.card_parts.front_matter import front_matter
from throng.release.card_parts.groups import counted
from throng.release.card_parts.limits import biases, limits
from throng.release.card_parts.markdown import bullets, text
from throng.release.citation import spelled
from throng.release.facts import Facts

CHECK = (
    "Every file is listed in `index.json` (sha256, bytes, rows) and in `SHA256SUMS`; `croissant.json` describes files "
    "and columns to programs. `sha256sum -c SHA256SUMS` checks the bytes; `throng verify FOLDER` reads every row, "
    "decodes every image and checks every label."
)


def card_text(facts: Facts) -> str:
    """Return the text of ``README.md``: Hugging Face front matter, then sections in Markdown."""
    sections = [
        front_matter(facts),
        f"# {facts.config.name} {facts.version}",
        structure.opening(facts),
        "## Dataset details",
        _details(facts),
        "## Uses",
        bullets(uses.direct(facts)),
        "Out of scope:",
        bullets(uses.OUT_OF_SCOPE),
        "## Load it",
        structure.examples(facts),
        "## Dataset structure",
        structure.contents(facts),
        structure.kinds(facts),
        structure.left_out(facts),
        structure.tables(facts),
        "## Dataset creation",
        text(uses.purpose(facts)),
        "### Source data",
        creation.sources(facts),
        "### How it was made",
        creation.accounts(facts),
        creation.rejected_edits(facts),
        creation.makers(facts),
        "### Annotations",
        creation.annotation(facts),
        "### Personal and sensitive information",
        creation.privacy(facts),
        "## Quality",
        findings.findings(facts),
        "## Cost",
        findings.cost(facts),
        "## Licences",
        terms.licences(facts),
        terms.models(facts),
        terms.generators(facts),
        "## Bias, risks and limits",
        bullets([*biases(facts), *limits(facts)]),
        "## Datasheet",
        datasheet(facts),
        "## Citation",
        terms.citation(facts),
        "## Check it",
        CHECK,
        "## Columns",
        *structure.columns(facts),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _details(facts: Facts) -> str:
    card = facts.config.card
    return bullets(
        [
            f"**Curated by:** {text(', '.join(map(spelled, card.creators)))}",
            *([f"**Funded by:** {text(card.funding)}"] if card.funding else []),
            f"**Version:** {facts.version}, published on {card.date}",
            f"**Licence:** {text(facts.config.licence)}; every row has its own terms, see *Licences*",
            f"**Where:** {text(card.url)}",
            f"**Contact:** {creation.contact(facts)}",
            "**Language of prompts:** English" if counted(facts.corpus, "prompts", "split") else "**Language:** none",
        ]
    )
