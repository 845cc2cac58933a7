"""Responsible-AI metadata: limits, biases, personal information, uses, impact, and how the data was made."""

from collections.abc import Iterator
from typing import Any

from throng.release import quality
from throng.release.card_parts import uses
from throng.release.card_parts.creation import ANNOTATION, privacy_points
from throng.release.card_parts.groups import kept
from throng.release.card_parts.limits import biases, limits
from throng.release.facts import Facts
from throng.release.model_terms import model_terms

# the names of kinds of collection are those of the vocabulary
SECONDARY, SOFTWARE = "Secondary Data analysis", "Software Collection"
COLLECTION = (
    "Photographs are taken over from the sources named under prov:wasDerivedFrom. Edits, composites, renderings, "
    "prompted and drawn images were made by the activities named under prov:wasGeneratedBy."
)
MANIPULATION = (
    "People are removed from photographs by inpainting inside recorded masks; composites paste cut-outs of people onto "
    "emptied or rendered backgrounds. Every row names what was changed, by what and with which seed."
)


def responsible(facts: Facts) -> dict[str, Any]:
    """Return the properties of the vocabulary that the run can fill, all that NeurIPS requires among them."""
    photographs = {source for (source,) in kept(facts.corpus, "images", "source")} - set(facts.config.rendered)
    kinds = [SECONDARY, SOFTWARE] if photographs else [SOFTWARE]
    values: dict[str, Any] = {
        "rai:hasSyntheticData": True,
        "rai:dataLimitations": [*limits(facts), *uses.OUT_OF_SCOPE],
        "rai:dataBiases": biases(facts),
        "rai:personalSensitiveInformation": privacy_points(facts),
        "rai:dataUseCases": uses.direct(facts),
        "rai:dataSocialImpact": uses.SOCIAL_IMPACT,
        "rai:dataCollection": COLLECTION,
        "rai:dataCollectionType": kinds,
        "rai:dataCollectionMissingData": _rejections(facts),
        "rai:dataManipulationProtocol": MANIPULATION,
        "rai:dataPreprocessingProtocol": list(_preprocessing(facts)),
        "rai:dataAnnotationProtocol": list(_protocols(facts)),
        "rai:dataAnnotationAnalysis": list(_analysis(facts)),
        "rai:annotationsPerItem": "0 by people for this release: labels are by programs, or the sources' own",
        "rai:machineAnnotationTools": list(_tools(facts)),
        "rai:dataReleaseMaintenancePlan": uses.maintenance(facts),
    }
    return {name: value for name, value in values.items() if value not in ([], "")}


def _rejections(facts: Facts) -> str:
    lines = [line.text() for line in facts.ledger if line.rejected]
    return ". ".join(lines)


def _preprocessing(facts: Facts) -> Iterator[str]:
    if facts.finishing.get("metadata_stripped"):
        yield "EXIF, comments and all other metadata but colour profile and orientation are taken out of image files."
    if facts.finishing.get("faces_blurred"):
        yield "Heads of known people are blurred."
    yield "Splits are by scene; near copies of held-out images are left out where they were searched for."


def _protocols(facts: Facts) -> Iterator[str]:
    products = {total.product for total in facts.totals if total.samples}
    yield from (words.replace("*", "") for product, words in ANNOTATION if product in products)


def _analysis(facts: Facts) -> Iterator[str]:
    if facts.audit is not None:
        yield from (figure.sentence() for figure in quality.order_figures(facts.audit))
        yield from quality.verdicts(facts.audit)
    if facts.calibration is not None:
        for one in quality.count_noise(facts.calibration):
            if one.error is not None:
                yield (
                    f"mean relative error of the count against the request, maker {one.maker}, request "
                    f"{one.requested}: {one.error:.4f} of {one.images} images"
                )
    if facts.leakage is not None:
        yield from quality.leakage_sentences(facts.leakage)
    if facts.agreement is not None:
        yield from (figure.sentence() for figure in quality.ground_figures(facts.agreement))


def _tools(facts: Facts) -> Iterator[str]:
    for one in model_terms(facts.footers, facts.config.card.model_licences):
        yield f"{one.backend} {one.model} (sha256 {one.sha256[:16]}, {one.licence}), which made table {one.table}"
