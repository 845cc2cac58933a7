"""Every product's samples, planned from one reading of the columns that all of them share."""

from throng.release.corpus import Corpus
from throng.release.exclusions import Exclusions
from throng.release.joins import density_labelled, fixed_count, ranked_pairs, requested_density
from throng.release.joins.plan import Candidates, Plan
from throng.release.photographs import Photographs
from throng.release.products import DENSITY_LABELLED, FIXED_COUNT, PRODUCTS, RANKED_PAIRS
from throng.release.synthetics import Synthetics
from throng.sections.release import Release


def plans(
    corpus: Corpus, photographs: Photographs, synthetics: Synthetics, config: Release, exclusions: Exclusions
) -> list[Plan]:
    """Return the plan of each of ``release.products``; raises ThrongError on a dangling reference."""
    rendered, blur = frozenset(config.rendered), config.privacy.blur_faces

    def candidates(name: str) -> Candidates:
        if name == RANKED_PAIRS.name:
            return ranked_pairs.candidates(corpus, photographs, exclusions, rendered=rendered, blur=blur)
        if name == FIXED_COUNT.name:
            return fixed_count.candidates(corpus, synthetics, blur=blur)
        if name == DENSITY_LABELLED.name:
            return density_labelled.candidates(
                corpus, photographs, synthetics, exclusions, rendered=rendered, blur=blur
            )
        return requested_density.candidates(corpus, exclusions)

    return [Plan.of(PRODUCTS[name], candidates(name), exclusions) for name in config.products]
