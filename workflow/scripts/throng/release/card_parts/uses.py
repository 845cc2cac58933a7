"""Card sections on what the data is for, what it is not for, and what may come of its use."""

from throng.release.facts import Facts

DIRECT = (
    ("ranked_pairs", "Pre-training and testing rankers and counters by order and difference, without counts."),
    ("fixed_count", "Training and testing counters on images of a known or estimated number of people."),
    ("density_labelled", "Learning how crowded a place is: classes, scores, people per square metre."),
    ("requested_density", "Training on images that a generator drew by density; never measuring on them."),
)
OUT_OF_SCOPE = (
    "Recognising, following or profiling people: nothing here says who anybody is, and it must not be added.",
    "Deciding about the safety of a crowd without people who look at it: counts have errors, and dense crowds the "
    "largest.",
    "Reporting errors on real photographs from made images: measure on photographs that nobody edited.",
)
SOCIAL_IMPACT = (
    "Counting crowds serves safety, planning and transport; the same counters serve surveillance. Made and edited "
    "images spare taking and labelling more photographs of people who were not asked, but show edited places as if "
    "they had been so: they are marked as made, and no evidence of anything."
)


def direct(facts: Facts) -> list[str]:
    """Return what the products that are here are for."""
    products = {total.product for total in facts.totals if total.samples}
    return [words for product, words in DIRECT if product in products]


def purpose(facts: Facts) -> str:
    """Return why the dataset was made: in its makers' words, else what any of its kind is made for."""
    return facts.config.card.purpose or (
        "To train and test crowd counters where labelled photographs are few: labels come from how an image was made "
        "instead of from annotators."
    )


def maintenance(facts: Facts) -> str:
    """Return how the dataset is kept up, and how its versions are to be read."""
    words = facts.config.card.maintenance or "Nobody has promised to keep this dataset up."
    return (
        f"{words} Versions follow the Croissant rule: other packaging of the same data is a patch, more records are a "
        f"minor version, changed, moved or removed records a major one; `throng release diff OLD NEW` shows which."
    )
