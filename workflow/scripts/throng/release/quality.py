"""What was measured of a release, brought from the audits' JSON into one shape for card and Croissant file."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Figure:
    """A measured figure: what it is, its value between 0 and 1 (None: no case), its 95 % interval, of how many."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    number: int
    of: str

    def sentence(self) -> str:
        """Return the figure as one sentence without a full stop."""
        if self.value is None:
            return f"{self.name}: not one of the {self.of} could be measured"
        interval = "" if self.low is None or self.high is None else f", 95 % interval {self.low:.4f} to {self.high:.4f}"
        return f"{self.name}: {self.value:.4f}{interval}, of {self.number} {self.of}"


def order_figures(audit: Json) -> list[Figure]:
    """Return how often the order of pairs is right by annotated heads: in all, by kind of pair, and the difference."""
    order = audit["order"]
    pairs = "pairs"
    return [
        _share("order accuracy", order["all"], pairs),
        *(_share(f"order accuracy, {group['group']}", group, pairs) for group in order["by_kind"]),
        _share("difference is exactly right", order["delta"], pairs),
    ]


def pixel_figures(audit: Json) -> list[Figure]:
    """Return how often edits leave everything outside their mask alone, and paint every head inside it."""
    pixels = audit["pixels"]
    return [
        _share("bit-identical outside the mask", pixels["outside"], "edits"),
        _share("bit-identical between levels", pixels["between_levels"], "edits"),
        _share("head is painted over", pixels["heads"], "removed heads"),
    ]


def shortcut_figures(audit: Json) -> list[Figure]:
    """Return, by remover, how well a probe tells edits from photographs; 0.5 is chance."""
    figures: list[Figure] = []
    for probe in audit["shortcut"]:
        remover = probe["backend"]
        if painted := probe.get("painted"):
            accuracy, low, high = (painted.get(name) for name in ("accuracy", "low", "high"))
            name = f"painted patches told from the photograph's ({remover})"
            figures.append(Figure(name, accuracy, low, high, painted["patches"], "patches"))
        if shams := probe.get("sham_pairs"):
            figures.append(_share(f"sham accuracy: sham told from its photograph ({remover})", shams, "sham pairs"))
        for group in probe.get("edited_means_fewer") or ():
            name = f"what looks edited has fewer people, {group['kind']} ({remover})"
            figures.append(_share(name, group, "pairs"))
    return figures


def verdicts(audit: Json) -> list[str]:
    """Return what the shortcut probe says of each remover, one sentence each."""
    return [f"{probe['backend']}: {probe['verdict']}" for probe in audit["shortcut"]]


@dataclasses.dataclass(frozen=True)
class Noise:
    """How far images of one maker and request are from the request, and how sure that is.

    ``error`` is the mean of |count - requested| / requested with its 95 % interval; ``std`` the mean standard deviation
    of the released counts, people; ``weight`` their mean weight.
    """

    maker: str
    requested: int
    images: int
    by: str
    error: float | None
    low: float | None
    high: float | None
    published: float
    std: float | None
    weight: float | None


INSTRUMENTS = ("exact", "calibrated", "predicted", "detected")


def count_noise(calibration: Json) -> list[Noise]:
    """Return the count-noise curve: by maker and request, the error by the surest way of counting that there is."""
    sure = {(entry["maker"], entry["bucket"]): entry for entry in calibration["noise"]}
    return [_noise(entry, sure.get((entry["maker"], str(entry["requested"])), {})) for entry in calibration["errors"]]


def _noise(entry: Json, sure: Json) -> Noise:
    by = next((name for name in INSTRUMENTS if entry.get(name)), "")
    found = entry.get(by) or {}
    error, low, high = (found.get(name) for name in ("error", "low", "high"))
    images = found.get("images", entry["images"])
    std, weight = sure.get("mean_std"), sure.get("mean_weight")
    return Noise(entry["maker"], entry["requested"], images, by, error, low, high, entry["published"], std, weight)


@dataclasses.dataclass(frozen=True)
class Truth:
    """How well the released density score tells a truth that the renderer knows, and which labeller tells it best."""

    group: str
    meaning: str
    images: int
    score: float | None
    low: float | None
    high: float | None
    best: str
    best_score: float | None


def label_truths(agreement: Json, labeller: str) -> list[Truth]:
    """Return Spearman's rank correlation of one labeller's score with every truth that the audit has."""
    return [_truth(entry, labeller) for entry in agreement["truth"]]


def _truth(entry: Json, labeller: str) -> Truth:
    found = {one["labeller"]: one for one in entry["labellers"]}
    ours, best = found.get(labeller, {}), entry.get("best") or ""
    score, low, high = (ours.get(name) for name in ("value", "low", "high"))
    images = ours.get("images", entry["images"])
    return Truth(entry["group"], entry["meaning"], images, score, low, high, best, found.get(best, {}).get("value"))


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far two labellers agree: weighted kappa of their classes, rank correlation of their scores."""

    other: str
    images: int
    weighted_kappa: float | None
    spearman: float | None


def label_agreement(agreement: Json, labeller: str) -> list[Agreement]:
    """Return how far the released labels agree with every other labeller's."""
    return list(_agreements(agreement["agreement"], labeller))


def _agreements(entries: Sequence[Json], labeller: str) -> Iterator[Agreement]:
    for entry in entries:
        names = (entry["first"], entry["second"])
        if labeller in names:
            other = names[1 - names.index(labeller)]
            kappa, spearman = (_value(entry[name]) for name in ("weighted_kappa", "spearman"))
            yield Agreement(other, entry["images"], kappa, spearman)


def _value(entry: Json | None) -> float | None:
    return entry.get("value") if entry else None


def ground_figures(agreement: Json) -> list[Figure]:
    """Return how often the interval of people per square metre holds the rendered truth, by group of photographs."""
    name = "interval of people per m² holds the truth"
    return [
        _share(f"{name}, {group['group']}", errors["covered"], "images with a ground plane")
        for group in agreement["ground"]
        if (errors := group["errors"].get("people per square metre"))
    ]


def leakage_sentences(leakage: Json) -> list[str]:
    """Return how many images were looked at for near copies, against which test sets, and how many were found."""
    looked = sum(sum(splits.values()) for splits in leakage["looked_at"].values())
    sets = ", ".join(f"{name} ({images} images)" for name, images in leakage["test_sets"].items())
    leaks, unread = leakage["leaks"], len(leakage["not_looked_at"])
    return [
        f"{looked} images were looked at" + (f", {unread} could not be" if unread else ""),
        f"known test sets that were looked through: {sets}" if sets else "no known test set was given to look through",
        f"{leaks['images']} images leak: they are near copies of an image that is held out more ({leaks['pairs']} "
        f"pairs, {leaks['identical']} of equal bytes, {leaks['mirrored']} mirrored)",
    ]


def leakage_rows(leakage: Json) -> list[list[Any]]:
    """Return (table, split, found in, split there, images, pairs) of the images that leak."""
    names = ("table", "split", "found_in", "found_split", "images", "pairs")
    return [[entry[name] for name in names] for entry in leakage["leaks"]["by"]]


def _share(name: str, entry: Json, of: str) -> Figure:
    value = entry["share"]
    low, high = (entry["low"], entry["high"]) if value is not None else (None, None)
    return Figure(name, value, low, high, entry["number"], of)
