"""Card section on bias, risks and known limits, by what is in the release and what was measured of it."""

from collections.abc import Iterator, Set

from throng.ranking.kinds import (
    EDITED_EDITED,
    ENLARGED_REAL,
    ENLARGED_REDUCED,
    REAL_EDITED,
    REAL_REDUCED,
    SHAM_EDITED,
    SHAM_EQUAL,
)
from throng.release.annotations import ANNOTATIONS
from throng.release.card_parts.groups import counted, kept
from throng.release.facts import Facts


def limits(facts: Facts) -> list[str]:
    """Return what the data cannot do or gets wrong, one sentence or two each."""
    return list(_limits(facts))


def biases(facts: Facts) -> list[str]:
    """Return which people and places the data shows more of, or less."""
    return list(_biases(facts))


def _biases(facts: Facts) -> Iterator[str]:
    rendered = set(facts.config.rendered)
    names = [source for (source,) in kept(facts.corpus, "images", "source")]
    if photographed := [name for name in names if name not in rendered]:
        yield (
            f"Photographs are those of {', '.join(photographed)}: countries, cameras, weather and clothing of other "
            f"places are not represented beyond what these sources hold."
        )
    backends = {backend for (backend,) in kept(facts.corpus, "synthetic", "backend")}
    if rendered & set(names) or "rendered" in backends:
        yield "Rendered scenes show simple figures on simple ground: their people differ in few ways."
    if {backend for (backend,) in counted(facts.corpus, "detections", "backend")} - {ANNOTATIONS}:
        yield (
            "People were found by a detector: small, hidden, seated and unusually dressed people are missed more often "
            "than others, and so are removed, pasted and counted less often."
        )
    if "diffusers" in backends:
        yield (
            "Prompted images carry the biases of the images that their model learnt from: whom it draws when asked for "
            "a person, and where."
        )
    if drawn(facts):
        yield "Generators draw what they learnt from, and rare scenes less often than they are."


def _limits(facts: Facts) -> Iterator[str]:
    products = {total.product for total in facts.totals if total.samples}
    if "ranked_pairs" in products:
        yield from _of_pairs({kind for (kind,) in counted(facts.corpus, "ranked_pairs", "kind")})
    if "fixed_count" in products:
        yield (
            "`count` is exact where `count_exact` says so. Elsewhere it is calibrated from the request and from what a "
            "detector or a counter sees: read it with `count_std`, and weight by `weight`."
        )
    if "density_labelled" in products:
        yield (
            "A density class is a convention of its method, not a fact of the scene; people per square metre are given "
            "only where the people in the image tell the ground plane, with their interval."
        )
    if "requested_density" in products:
        yield (
            "A drawn image's label is what was asked for, not what is there: how far a generator delivers is measured "
            "by stage `evaluate_gan`."
        )
        yield (
            f"The {drawn(facts)} drawn images are for training alone. They show no photograph's scene, so "
            f"the check of scenes does not reach them; whether a generator repeats photographs is measured, not ruled "
            f"out."
        )
    if ("composite",) in kept(facts.corpus, "synthetic", "backend"):
        yield "Composites paste cut-outs of people onto other backgrounds: light and shadow of a person need not match."
    if facts.shared:
        yield (
            f"{len(facts.shared)} scenes are in a source's training and test split alike, as it was published (listed "
            f"in `index.json` under `shared_scenes`): errors on that test split are smaller than on unseen places."
        )
    if facts.leakage is None:
        yield (
            "Scenes are otherwise kept within one split; near-duplicates under different scene names were not searched "
            "for."
        )
    else:
        yield (
            "Scenes are otherwise kept within one split; near-duplicates under different scene names were searched for "
            "by perceptual hash, which a change of viewpoint escapes."
        )


def drawn(facts: Facts) -> int:
    """Return how many images generators drew that were kept."""
    return sum(kept(facts.corpus, "gan_samples").values())


def _of_pairs(kinds: Set[str]) -> Iterator[str]:
    if REAL_EDITED in kinds:
        yield (
            "In a `real-edited` pair the edited image is always the one with fewer people, and it was encoded by "
            "another program: a ranker can win by recognising the editor. Use pairs of two edits and equal pairs too."
        )
    if kinds & {REAL_EDITED, EDITED_EDITED, SHAM_EDITED}:
        yield "`delta` counts people that were found and removed; people whom the detector missed are in both images."
    if SHAM_EQUAL in kinds:
        yield "A sham edit paints where the detector found nobody: somebody whom it missed may be under the paint."
    if kinds & {REAL_REDUCED, ENLARGED_REAL, ENLARGED_REDUCED}:
        yield "The order of re-rendered images is what the model was asked for, not what was counted."
