"""Section ``fit_counts``: from frozen features to a number of people, by the counts of synthesised images."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from throng.sections.base import Section, named_apart, runtime, setting

Parts = Annotated[int, Field(ge=0, le=16)]
Side = Annotated[int, Field(ge=32, le=4096)]


class Prior(Section):
    """What is believed of crowds before any is seen: a truncated power law of the people in blocks of photographs."""

    most_people: float | None = setting(
        None,
        "people in the fullest photograph, a guess that needs no label; null: the largest count of a synthesised image",
        gt=1,
    )
    blocks: int = setting(
        3,
        "blocks along each side of a photograph whose people are compared; the fullest block is taken to hold "
        "most_people / blocks",
        ge=1,
        le=16,
    )
    alpha: float = setting(2.0, "exponent of the power law", gt=0)


class FineTune(Section):
    """Training of the whole network on synthesised counts, from the fit on frozen features; method finetune alone."""

    steps: int = setting(300, "steps of the optimiser", ge=1)
    batch_size: int = setting(8, "images of a step", ge=1)
    learning_rate: float = setting(1e-4, "learning rate at the start, of AdamW with a cosine schedule", gt=0)
    weight_decay: float = setting(1e-4, "decay of weights", ge=0)
    val_every: int = setting(
        50, "steps between errors on held-out synthesised images, the least of which is kept", ge=1
    )
    precision: Literal["fp32", "bf16", "fp16"] = setting("fp32", "arithmetic; fp16 needs a GPU")


class Fit(Section):
    """One counter without labels: features, the fit from features to people, and how a photograph is cut up."""

    name: str = setting("synthetic", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    encoder: str = setting(
        "rank:synthetic",
        "whose features: rank:<encoder of pretrain_rank>, count:<network of pretrain_count>, or random:<architecture>, "
        "which has learnt nothing",
        pattern=r"^(rank|count|random):[a-z0-9][a-z0-9-]*$",
    )
    method: Literal["nnls", "robust", "poisson", "isotonic", "finetune"] = setting(
        "nnls",
        "nnls: SYRAC's least squares; robust: with Huber's loss; poisson: with intervals; isotonic: a rising map of a "
        "ranker's score; finetune: the encoder learns too",
    )
    counts: Literal["requested", "calibrated"] = setting(
        "calibrated", "which count of a synthesised image: the one asked for, or calibrate_counts' estimate"
    )
    rows: Literal["filtered", "all"] = setting(
        "filtered", "which synthesised images: those that calibrate_counts kept, or all"
    )
    zero_images: bool = setting(True, "whether images of nobody are fitted too")
    weighting: Literal["uniform", "calibrated", "noise"] = setting(
        "uniform",
        "what an image weighs: all alike, calibrate_counts' weight, or 1 / (std^2 + least_std^2) by its noise model",
    )
    least_std: float = setting(
        1.0, "standard deviation of even an exact count, people: what features cannot tell; weighting noise alone", gt=0
    )
    ridge: float = setting(
        0.0,
        "pull of weights to 0, for fewer images than features: 1 is as strong as the data; finetune: of its start",
        ge=0,
    )
    held_out: float = setting(0.2, "share of the images, by id, that are not fitted but counted afterwards", ge=0, lt=1)
    size: tuple[Side, Side] = setting((192, 256), "canvas that the encoder sees a picture on: height, width, pixels")
    partition: Literal["legacy", "full", "guided", "quadtree"] = setting(
        "full",
        "legacy: SYRAC's, resized and then cut; full: cut at full resolution; guided: again where it is dense; "
        "quadtree: quartered while whole and quarters disagree",
    )
    candidates: list[Parts] = setting(
        [1, 2, 3], "N of N x N parts to choose from, for quadtree how often a part may be quartered", min_length=1
    )
    fit_on: Literal["whole", "parts"] = setting(
        "whole",
        "what of a synthesised image is fitted: all of it, as SYRAC does, or the sum of its parts, cut as photographs "
        "will be; partition legacy or full, and one fit for each candidate",
    )
    choose_by: Literal["sinkhorn", "agreement"] = setting(
        "sinkhorn",
        "what chooses among candidates: distance of predicted counts of unlabelled photographs to the prior, or error "
        "on held-out synthesised images",
    )
    photographs: int = setting(100, "unlabelled training photographs that are looked at to choose", ge=1)
    prior: Prior = setting(Prior(), "what is believed of crowds; sinkhorn measures the distance to it")
    dense_quantile: float = setting(
        0.67, "share of the parts of unlabelled photographs that are not dense; partition guided alone", ge=0, lt=1
    )
    tolerance: float = setting(
        1.0, "standard deviations that whole and quarters may differ by; partition quadtree alone", gt=0
    )
    finetune: FineTune = setting(FineTune(), "training of the whole network; method finetune alone")
    seeds: int = runtime(1, "how many runs of the encoder are fitted: seed-1 and so on", ge=1, le=100)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.method == "isotonic" and not self.encoder.startswith("rank:"):
            raise ValueError("method isotonic maps a ranker's score: it needs an encoder rank:<name>")
        if self.weighting == "noise" and self.counts == "requested":
            raise ValueError("weighting noise knows how sure calibrated counts are: it needs counts calibrated")
        if self.fit_on == "parts" and (
            self.partition in ("guided", "quadtree") or self.method in ("isotonic", "finetune")
        ):
            raise ValueError(
                "fit_on parts adds up features of parts known beforehand: it needs partition legacy or full, and "
                "method nnls, robust or poisson"
            )
        if self.partition != "quadtree" and 0 in self.candidates:
            raise ValueError(f"partition {self.partition} cannot cut a photograph into 0 x 0: candidates start at 1")
        if len(set(self.candidates)) < len(self.candidates):
            raise ValueError("a candidate is named twice")
        if self.choose_by == "agreement" and len(self.candidates) > 1 and not self.held_out:
            raise ValueError("choose_by agreement counts held-out images: held_out must be above 0")
        if self.method == "finetune" and not self.held_out:
            raise ValueError("method finetune keeps what counts held-out images best: held_out must be above 0")
        return self


class FitCounts(Section):
    """SYRAC's count fit: non-negative least squares from frozen features to the noisy counts of synthesised images."""

    fits: Annotated[list[Fit], AfterValidator(named_apart)] = setting(
        [Fit(fit_on="parts"), Fit(name="random", encoder="random:small", fit_on="parts")],
        "the fits; an overlay's list replaces this one whole",
        min_length=1,
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Fit:
        """Return the fit of one job, all that the job depends on."""
        (fit,) = [fit for fit in self.fits if fit.name == wildcards["fit"]]
        return fit
