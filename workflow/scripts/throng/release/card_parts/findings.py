"""Card sections on what was measured: order of pairs, shams, counts against requests, labels, leakage, cost."""

from collections.abc import Iterator, Sequence
from typing import Any

from throng.release import quality
from throng.release.card_parts.markdown import bullets, number, percent, table, text
from throng.release.cost import costs
from throng.release.facts import Facts
from throng.release.quality import Figure


def findings(facts: Facts) -> str:
    """Return everything that was measured of the data, section by section."""
    parts = [*_pairs(facts), *_counts(facts), *_labels(facts), *_leakage(facts)]
    return "\n\n".join(parts) or "Nothing was measured of this release."


def _figures(figures: Sequence[Figure]) -> str:
    rows = [
        [
            text(figure.name),
            percent(figure.value),
            "–" if figure.low is None or figure.high is None else f"{percent(figure.low)} to {percent(figure.high)}",
            f"{figure.number} {figure.of}",
        ]
        for figure in figures
    ]
    return table(["figure", "share", "95 % interval", "of"], rows)


def _pairs(facts: Facts) -> Iterator[str]:
    if facts.audit is None:
        return
    order = facts.audit["order"]
    unaudited = sum(order["unaudited"].values())
    yield "### Ranked pairs"
    yield (
        "Held against annotated heads, by stage `audit_pairs`; nothing that the detector or the remover says of people "
        f"enters the truth. {order['pairs']} pairs, {unaudited} without a truth to hold them against. A `sham-equal` "
        "pair is right when its paint covers nobody."
    )
    yield _figures([*quality.order_figures(facts.audit), *quality.pixel_figures(facts.audit)])
    if order["wrong"]:
        reasons = ", ".join(f"{reason}: {many}" for reason, many in sorted(order["wrong"].items()))
        yield f"Why the wrong ones are wrong: {text(reasons)}."
    if facts.audit["shortcut"]:
        yield (
            "**Do the edits give themselves away?** A probe of noise residuals that sees no people, trained on other "
            "scenes; chance is 50 %. Where it wins, a ranker can win by recognising the editor."
        )
        yield _figures(quality.shortcut_figures(facts.audit))
        yield bullets(text(verdict) for verdict in quality.verdicts(facts.audit))


def _counts(facts: Facts) -> Iterator[str]:
    if facts.calibration is None:
        return
    noise = quality.count_noise(facts.calibration)
    if not noise:
        return
    yield "### Requested counts"
    yield (
        "Mean of |count - requested| / requested, by maker and request, counted in the surest way that there is, with "
        "95 % bootstrap intervals; *published* is what prompted images of Stable Diffusion were found to show "
        "(AFreeCA, ECCV 2024). Standard deviation, people, and weight are those of the released counts."
    )
    rows = [
        [
            one.maker,
            one.requested,
            one.images,
            one.by or None,
            number(one.error),
            "–" if one.low is None or one.high is None else f"{one.low:.2f} to {one.high:.2f}",
            number(one.published),
            number(one.std),
            number(one.weight),
        ]
        for one in noise
    ]
    header = ["maker", "requested", "images", "counted by", "error", "interval"]
    yield table([*header, "published", "mean std", "mean weight"], rows)


def labeller(facts: Facts) -> str:
    """Return the method and mode of the released density labels, empty without any."""
    return next((footer["backend"] or "" for footer in facts.footers.get("density_labels", ())), "")


def _labels(facts: Facts) -> Iterator[str]:
    method = labeller(facts)
    if facts.agreement is None or not method:
        return
    truths = quality.label_truths(facts.agreement, method)
    agreement = quality.label_agreement(facts.agreement, method)
    if not truths and not agreement:
        return
    yield "### Density labels"
    yield f"Released labels are by `{text(method)}`."
    if truths:
        yield "Spearman's rank correlation of its score with what the renderer knows, 95 % intervals over scenes:"
        yield table(["images of", "truth", "images", "correlation", "interval", "best labeller"], map(_truth, truths))
    if agreement:
        yield "Agreement with the other labellers on the images that both label:"
        rows = [[one.other, one.images, number(one.weighted_kappa), number(one.spearman)] for one in agreement]
        yield table(["labeller", "images", "weighted kappa of classes", "rank correlation of scores"], rows)
    if ground := quality.ground_figures(facts.agreement):
        yield "People per square metre:"
        yield _figures(ground)


def _truth(one: quality.Truth) -> list[Any]:
    interval = "–" if one.low is None or one.high is None else f"{one.low:.2f} to {one.high:.2f}"
    best = "–" if one.best_score is None else f"{one.best} {one.best_score:.2f}"
    return [one.group, one.meaning, one.images, number(one.score), interval, best]


def _leakage(facts: Facts) -> Iterator[str]:
    if facts.leakage is None:
        return
    yield "### Leakage"
    yield "Near copies across splits and in known test sets, by stage `audit_leakage`:"
    yield bullets(
        f"{text(sentence[:1].upper() + sentence[1:])}." for sentence in quality.leakage_sentences(facts.leakage)
    )
    if rows := quality.leakage_rows(facts.leakage):
        yield table(["table", "split", "found in", "split there", "images", "pairs"], rows)
        yield "Samples that show these images or come from them were left out, see *Dataset structure*."


def cost(facts: Facts) -> str:
    """Return what the stages took, by image, or that nobody stated the machine."""
    found = costs(facts.cost, facts.ledger)
    hardware = facts.config.card.hardware
    if hardware is None:
        return "Not stated, as `release.card.hardware` names no machine."
    if not found:
        return f"Made on: {text(hardware)}. The stages left no times."
    rows = [
        [
            f"`{one.stage}`",
            one.images or None,
            one.jobs,
            f"{one.seconds:.1f}",
            number(one.per_image(one.seconds), 3),
            number(one.per_image(one.cpu_seconds), 3),
            number(one.per_image(one.gpu_seconds), 3) if one.gpu_seconds else 0,
            f"{one.peak_mb:.0f}",
        ]
        for one in found
    ]
    header = ["stage", "images", "jobs", "seconds", "s per image", "CPU-s per image", "GPU-s per image", "peak MB"]
    total = sum(one.seconds for one in found)
    gpu = sum(one.gpu_seconds for one in found)
    return (
        f"Made on: {text(hardware)}. Wall-clock seconds of all jobs of a stage, the start of Python and the loading of "
        f"models included; {total:.0f} s in all, {gpu:.0f} of them on a GPU. Images are those that a stage went over."
        f"\n\n{table(header, rows)}"
    )
