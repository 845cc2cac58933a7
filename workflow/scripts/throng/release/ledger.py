"""The ledger: at every stage, rows in = rows kept + rows rejected by reason, and every kept row is released."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from throng.errors import ThrongError
from throng.manifest import OK, check_conserved, tally
from throng.ranking.kinds import NESTED_CROP
from throng.release.corpus import Corpus
from throng.sections.synthesize import Making


@dataclasses.dataclass(frozen=True)
class Line:
    """One stage's account: units in (of what), units accounted for, rows kept and rejected by reason."""

    stage: str
    unit: str
    units_in: int
    units_out: int
    kept: int
    rejected: Mapping[str, int]

    def text(self) -> str:
        """Return the account as one sentence."""
        reasons = ", ".join(f"{number} {reason}" for reason, number in self.rejected.items()) or "none"
        rejected = sum(self.rejected.values())
        return (
            f"{self.stage}: {self.units_in} {self.unit} in, {self.units_out} accounted for; "
            f"rows kept {self.kept}, rejected {rejected} ({reasons})"
        )


def balance(corpus: Corpus) -> list[Line]:
    """Return every stage's account; raises ThrongError when a stage lost a row or made one from nothing."""
    usable = {row.id for row in corpus.images if row.status == OK}
    detected = {row.id for row in corpus.detections}
    chained = {row.parent_id for row in corpus.removals}
    asked = {f"{maker}/{prompt}" for maker, prompt in _asked(corpus)}
    labelled = {f"{row.table}/{row.id}" for row in corpus.density_labels}
    countable = {f"images/{key}" for key in usable}
    countable |= {f"synthetic/{row.id}" for row, _ in corpus.counted}
    edited = {row.parent_id for row in corpus.removals if row.status == OK}
    paired = {row.parent_id for row in corpus.ranked_pairs}
    edits_paired = {row.parent_id for row in corpus.ranked_pairs if row.kind != NESTED_CROP}
    check_conserved("detect", usable, detected)
    check_conserved("remove", detected, chained)
    _only_from("rank_pairs", paired, chained)
    _only_from("rank_pairs", edits_paired, edited)
    check_conserved("label_density", countable, labelled)
    check_conserved("synthesize", asked, (f"{row.maker}/{row.prompt_id}" for row in corpus.synthetic))
    check_conserved(
        "calibrate_counts",
        (row.id for row in corpus.synthetic),
        (row.id for row in corpus.calibrated_counts),
    )
    _check_all_drawn(corpus)
    lines = [
        _line("ingest", "files", len(corpus.images), len(corpus.images), corpus.images),
        _line("detect", "images", len(usable), len(detected), corpus.detections),
        _line("remove", "images", len(detected), len(chained), corpus.removals),
        _pairs_line(len(corpus.ranked_pairs), photographs=len(chained), without=len(chained - paired)),
        _line("synthesize", "prompts and makers", len(asked), len(corpus.synthetic), corpus.synthetic),
        _line(
            "calibrate_counts",
            "images",
            len(corpus.synthetic),
            len(corpus.calibrated_counts),
            corpus.calibrated_counts,
        ),
        _line("label_density", "images", len(countable), len(labelled), corpus.density_labels),
    ]
    if corpus.gan_samples:
        number = len(corpus.gan_samples)
        lines.append(_line("sample_gan", "images asked for", number, number, corpus.gan_samples))
    return lines


def _check_all_drawn(corpus: Corpus) -> None:
    """Raise ThrongError unless every sampler's rows are as many as its parts say were asked for, of one generator."""
    asked: dict[str, tuple[str, int]] = {}
    for footer in corpus.footers["gan_samples"]:
        sampler, model = footer["config"]["sample_gan"]["name"], footer["model"]
        here = (model["generator"], int(model["asked"]))
        if asked.setdefault(sampler, here) != here:
            raise ThrongError(f"the parts of sampler {sampler!r} are of two generators; rerun stage 'sample_gan'")
    rows = Counter(row.sampler for row in corpus.gan_samples)
    for sampler, (_, number) in asked.items():
        if rows[sampler] != number:
            raise ThrongError(
                f"stage 'sample_gan' loses rows: sampler {sampler!r} was asked for {number}, {rows[sampler]} out; "
                f"rerun it"
            )


def _asked(corpus: Corpus) -> Iterator[tuple[str, str]]:
    """Yield (maker, prompt id) of every image that was to be made, by what the tables' footers say of their makers."""
    for footer in corpus.footers["synthetic"]:
        slice_of_maker = footer["config"]["synthesize"]
        maker = Making(**{name: slice_of_maker[name] for name in Making.model_fields})
        for prompt in corpus.prompts:
            if maker.wants(prompt.count, prompt.density, prompt.template):
                yield maker.name, prompt.id


def _line(stage: str, unit: str, units_in: int, units_out: int, rows: Iterable[Any]) -> Line:
    counts = tally(rows)
    kept = counts.pop(OK, 0)
    rejected = {reason.removeprefix("rejected: "): number for reason, number in counts.items()}
    return Line(stage, unit, units_in, units_out, kept, rejected)


def _pairs_line(pairs: int, *, photographs: int, without: int) -> Line:
    rejected = {"no pair of the wanted kinds and difference": without} if without else {}
    return Line("rank_pairs", "photographs", photographs, photographs, pairs, rejected)


def _only_from(stage: str, made: set[str], given: set[str]) -> None:
    strangers = sorted(made - given)
    if strangers:
        raise ThrongError(
            f"stage {stage!r} has rows of {len(strangers)} images that it was not given, e.g. {strangers[0]!r}; "
            f"rerun it"
        )
