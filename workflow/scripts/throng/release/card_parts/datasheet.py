"""The questions of Datasheets for Datasets (Gebru et al., 2021), answered from what the run knows."""

from collections.abc import Iterator

from throng.release.card_parts import uses
from throng.release.card_parts.creation import contact
from throng.release.card_parts.markdown import text
from throng.release.citation import spelled
from throng.release.facts import Facts

GROUPS = (
    "Motivation",
    "Composition",
    "Collection",
    "Preprocessing and labelling",
    "Uses",
    "Distribution",
    "Maintenance",
)


def datasheet(facts: Facts) -> str:
    """Return questions and answers, grouped as the paper groups them."""
    answers = (_motivation, _composition, _collection, _labelling, _uses, _distribution, _maintenance)
    return "\n\n".join(
        f"### {group}\n\n" + "\n\n".join(f"**{question}** {answer}" for question, answer in of(facts))
        for group, of in zip(GROUPS, answers, strict=True)
    )


Answers = Iterator[tuple[str, str]]


def _motivation(facts: Facts) -> Answers:
    card = facts.config.card
    yield "For what purpose was the dataset created?", text(uses.purpose(facts))
    yield "Who created it?", text(", ".join(map(spelled, card.creators))) + "."
    yield "Who funded it?", text(card.funding) if card.funding else "Not stated."


def _composition(facts: Facts) -> Answers:
    samples = sum(total.samples for total in facts.totals)
    recipes = sum(sum(total.recipes.values()) for total in facts.totals)
    missing = sum(sum(reasons.values()) for reasons in facts.left_out.values())
    yield "What do the instances represent?", "Images of crowds, and pairs of them; see *Dataset structure*."
    yield "How many are there?", f"{samples}, of which {recipes} are recipes without pixels."
    yield (
        "Is it a sample of a larger set?",
        "It is all that the run made and kept"
        + (f", less {missing} samples that were left out (see *Dataset structure*)" if missing else "")
        + "; what was rejected is in the tables, with its reason.",
    )
    yield "Is there a label or target?", "Yes: see *Annotations*."
    apart = f", but for {len(facts.shared)} scenes that were published so" if facts.shared else ""
    yield "Are there recommended splits?", f"train, val and test, by scene: a scene is in one split only{apart}."
    yield "Are there errors or noise?", "Yes, as far as they were measured: see *Quality* and *Bias, risks and limits*."
    yield (
        "Is it self-contained?",
        "Samples with pixels are. Recipes need the source's own copy of the photographs: `throng rebuild`."
        if recipes
        else "Yes.",
    )
    yield "Does it relate to people?", "Yes: see *Personal and sensitive information*."
    yield (
        "Might it be offensive?",
        "Nobody looked at every image. Photographs are as their sources have them; what a model's own safety checker "
        "flagged was rejected where it was on.",
    )


def _collection(facts: Facts) -> Answers:
    yield (
        "How was the data acquired?",
        "Photographs come from the sources in *Source data*, whose own papers say how they were taken; everything "
        "else was made from them, or from nothing, by the backends in *How it was made*.",
    )
    yield (
        "Were people notified, and did they consent?",
        "throng does not know; ask the sources. Rendered people do not exist.",
    )
    yield "Over what time?", "Not recorded: images carry no date, and metadata that may hold one is not read."
    yield "Was there an ethical review?", "Not stated."


def _labelling(facts: Facts) -> Answers:
    yield (
        "Was preprocessing, cleaning or labelling done?",
        "Yes, all of it by programs: every stage's account is in *How it was made*, its configuration in `index.json`.",
    )
    yield (
        "Was the raw data saved?",
        "Photographs are as their sources have them; every edit names its photograph by id and sha256.",
    )
    yield "Is the software available?", "throng, the version whose code digests `index.json` has."


def _uses(facts: Facts) -> Answers:
    yield "What is it for?", " ".join(uses.direct(facts))
    yield "What should it not be used for?", " ".join(uses.OUT_OF_SCOPE)
    yield "What impact may its use have?", uses.SOCIAL_IMPACT


def _distribution(facts: Facts) -> Answers:
    card = facts.config.card
    yield "How and when is it distributed?", f"At {text(card.url)}, on {card.date}, version {facts.version}."
    yield "Under which licence?", f"{text(facts.config.licence)} as a collection; every row has its own terms."
    yield "Do third parties restrict it?", "Sources and models do: see *Licences*."


def _maintenance(facts: Facts) -> Answers:
    yield "Who can be written to?", contact(facts)
    yield "Will it be updated?", text(uses.maintenance(facts))
    yield (
        "How can somebody be taken out of it?",
        "By the id of the image (column `id`, `parent_id` or `parents`): the next release leaves out everything that "
        "shows it or comes from it, and counts that.",
    )
