"""Section ``calibrate_counts``: how many people the synthesised images really show."""

from typing import Literal, Self

from pydantic import model_validator

from throng.sections.base import Section, runtime, setting


class Content(Section):
    """Images that show something else than was asked for; who is seen is what the detector sees, else the counter."""

    nobody_from: int = setting(
        1, "an image in which nobody is seen is wrong where at least so many people were requested", ge=1
    )
    at_zero: int = setting(0, "most people that may be seen where nobody was requested", ge=0)


class Prototypes(Section):
    """Images that look unlike the others of their bucket, by distance to its prototype (CleanNet, CVPR 2018)."""

    threshold: Literal["quantile", "reference"] = setting(
        "quantile",
        "quantile: of the bucket's own distances; reference: of the distances to the same prototype of images of known "
        "count, photographs and others, with about as many people",
    )
    quantile: float = setting(
        0.97, "images farther away than this share of those compared with are dropped", gt=0, lt=1
    )
    least: int = setting(
        16, "images, of the bucket or for reference, without which the filter leaves a bucket alone", ge=2
    )


class Duplicates(Section):
    """Images that nearly repeat one with a smaller id."""

    bits: int = setting(4, "most bits, of 64, in which the fingerprints of near-duplicates differ", ge=0, le=16)
    distance: float = setting(0.003, "largest distance of their features, 1 - cosine", ge=0, le=2)


class CalibrateCounts(Section):
    """Filters synthesised images and estimates how many people each shows, how surely, and what it weighs."""

    title: str = setting("counts of synthesised images", "title of the page")
    content: Content | None = setting(Content(), "dropping images with the wrong content; null: none are")
    prototypes: Prototypes | None = setting(Prototypes(), "dropping images unlike their bucket; null: none are")
    duplicates: Duplicates | None = setting(Duplicates(), "dropping near-duplicates; null: none are")
    measure: list[Literal["detected", "predicted"]] = setting(
        ["detected", "predicted"], "which of the counts of count_synthetic are believed, as far as they are right"
    )
    rank_by: Literal["scores", "predicted", "detected"] | None = setting(
        "predicted",
        "what images of a bucket are ranked by, where it is there; scores: the file below; null: they are not",
    )
    scores: str | None = runtime(
        None,
        "Parquet file with columns id and score of a ranker of one's own, absolute or below data_root; its sha256 is "
        "recorded",
    )
    rank_correlation: float = setting(
        0.5, "correlation of such scores with the true count inside a bucket, believed before looking", ge=0, lt=1
    )
    rank_trust: float = setting(
        1.0,
        "a rank order is adopted where the mean square of the changes that it asks for, over the counts' variance, is "
        "at most this",
        gt=0,
    )
    transfer_std: float = setting(
        0.1,
        "relative error with which detector and counter are believed to err otherwise on a maker's images than on "
        "those of known count; none where some of the maker's own are known",
        ge=0,
    )
    half_weight: float = setting(0.25, "relative standard deviation of a count that halves an image's weight", gt=0)
    bootstrap: int = setting(1000, "resamplings for the intervals of mean relative errors", ge=100)
    sheet: int = setting(4, "images of every bucket on the page, chosen by hash", ge=0)
    thumbnail: int = setting(256, "widest picture on the page, pixels", ge=64)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.measure)) < len(self.measure):
            raise ValueError(f"measure names a count twice: {self.measure}")
        if (self.rank_by == "scores") != (self.scores is not None):
            raise ValueError("rank_by: scores and the file scores go together")
        return self
