"""Filters: which synthesised images are dropped, by which rule, and how many of each bucket.

An image whose count is exact is never said to show something else; one that repeats another still is dropped.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from throng.calibration.buckets import Bucket
from throng.calibration.duplicates import first_alike
from throng.calibration.gathering import Gathered, Shown
from throng.calibration.prototypes import distances, prototype
from throng.sections.calibrate_counts import CalibrateCounts, Content, Duplicates, Prototypes

UNMADE, UNSAFE, UNSEEN = "not made", "unsafe content", "not looked at"
CONTENT, UNLIKE, REPEATED = "wrong content", "unlike its bucket", "near-duplicate"
FILTERS = (UNMADE, UNSAFE, UNSEEN, CONTENT, UNLIKE, REPEATED)
FLAGGED = "flagged"  # the kind of reason that a maker gives for what its model's safety checker refused
ABOUT = np.log(1.5)  # of g: counts so near a request are "about as many people"
Record = dict[str, Any]


@dataclasses.dataclass
class Sifted:
    """Which filter dropped each of N images and why ("" for a kept one); prototype distances (NaN: none)."""

    filters: list[str]
    reasons: list[str]
    distances: np.ndarray
    duplicate_of: list[str]

    @property
    def kept(self) -> np.ndarray:
        """Return (N,) bool."""
        return np.array([not reason for reason in self.reasons], bool)

    def drop(self, index: int, name: str, reason: str) -> None:
        """Drop an image for good."""
        self.filters[index], self.reasons[index] = name, reason


def sift(gathered: Gathered, config: CalibrateCounts) -> Sifted:
    """Apply the filters one after the other, each to what those before it left."""
    number = len(gathered.images)
    sifted = Sifted([""] * number, [""] * number, np.full(number, np.nan), [""] * number)
    for index, image in enumerate(gathered.images):
        if not image.made:
            sifted.drop(index, UNSAFE if image.reason.startswith(FLAGGED) else UNMADE, image.reason)
        elif not image.looked and image.exact is None:
            sifted.drop(index, UNSEEN, image.reason)
        elif config.content and (reason := wrong_content(image, config.content)):
            sifted.drop(index, CONTENT, f"{CONTENT}: {reason}")
    looked = np.array([image.looked for image in gathered.images], bool)
    if config.prototypes:
        drop_unlike(gathered, looked, sifted, config.prototypes)
    if config.duplicates:
        drop_repeated(gathered, np.flatnonzero(sifted.kept & looked), sifted, config.duplicates)
    return sifted


def wrong_content(image: Shown, config: Content) -> str:
    """Return how what is seen contradicts what was requested, "" where it does not, or the count is exact."""
    if image.exact is not None or image.seen is None:
        return ""
    people = round(image.seen)
    if people == 0 and image.bucket.fewest >= config.nobody_from:
        return f"nobody is seen where {image.bucket.label} people were requested"
    if image.bucket.most == 0 and people > config.at_zero:
        return f"{people} people are seen where nobody was requested"
    return ""


def drop_unlike(gathered: Gathered, looked: np.ndarray, sifted: Sifted, config: Prototypes) -> None:
    """Measure every image's distance to its bucket's prototype, and drop inexact ones beyond the threshold."""
    places = np.log1p(gathered.known_column("count"))
    for bucket, members in gathered.buckets(sifted.kept & looked).items():
        middle = prototype(gathered.vectors[members])
        apart = distances(gathered.vectors[members], middle).round(6)
        sifted.distances[members] = apart
        compared = apart
        if config.threshold == "reference":
            near = (places >= np.log1p(bucket.fewest) - ABOUT) & (places <= np.log1p(bucket.most) + ABOUT)
            compared = distances(gathered.known_vectors[near], middle)
        if len(compared) < config.least:
            continue
        limit = float(np.quantile(compared, config.quantile))
        for index, distance in zip(members.tolist(), apart.tolist(), strict=True):
            if distance > limit and gathered.images[index].exact is None:
                reason = f"{UNLIKE}: distance {distance:.4f} to its prototype, above {limit:.4f}"
                sifted.drop(index, UNLIKE, reason)


def drop_repeated(gathered: Gathered, members: np.ndarray, sifted: Sifted, config: Duplicates) -> None:
    """Drop, among ``members`` by rising id, every image that nearly repeats a kept one."""
    exact = np.nan_to_num(gathered.column("exact")[members], nan=-1).astype(np.int64)
    first = first_alike(gathered.fingerprints[members], gathered.vectors[members], exact, config.bits, config.distance)
    places = members.tolist()
    for index, other in zip(places, first.tolist(), strict=True):
        if other >= 0:
            name = gathered.images[places[other]].id
            sifted.duplicate_of[index] = name
            sifted.drop(index, REPEATED, f"{REPEATED}: of {name}")


def figures(gathered: Gathered, sifted: Sifted, config: CalibrateCounts) -> list[Record]:
    """Return what every filter removed: in all, by maker, by bucket."""
    switched = {CONTENT: config.content, UNLIKE: config.prototypes, REPEATED: config.duplicates}
    total = Counter(image.bucket for image in gathered.images)
    records: list[Record] = []
    for name in FILTERS:
        dropped = Counter(
            i.bucket for i, filtered in zip(gathered.images, sifted.filters, strict=True) if filtered == name
        )
        records.append(
            {
                "filter": name,
                "on": switched.get(name, True) is not None,
                "images": len(gathered.images),
                "removed": sum(dropped.values()),
                "by_maker": _by_maker(dropped, total),
                "by_bucket": [
                    {"maker": bucket.maker, "bucket": bucket.label, "images": total[bucket], "removed": number}
                    for bucket, number in sorted(dropped.items())
                ],
            }
        )
    return records


def _by_maker(dropped: Counter[Bucket], total: Counter[Bucket]) -> list[Record]:
    makers: Sequence[str] = sorted({bucket.maker for bucket in total})
    return [
        {
            "maker": maker,
            "images": sum(number for bucket, number in total.items() if bucket.maker == maker),
            "removed": sum(number for bucket, number in dropped.items() if bucket.maker == maker),
        }
        for maker in makers
    ]
