"""The ledger: at every stage, rows in = rows kept + rows rejected by reason, and every kept row is released."""

import dataclasses
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from throng.errors import ThrongError
from throng.manifest import OK, check_conserved
from throng.ranking.kinds import NESTED_CROP
from throng.release.arrow import Column, among, joined
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
    usable = _ids(corpus, "images", kept=True)
    detected = _ids(corpus, "detections")
    chained = _ids(corpus, "removals", key="parent_id")
    edited = _ids(corpus, "removals", key="parent_id", kept=True)
    pairs = corpus.columns("ranked_pairs", ["parent_id", "kind"])
    paired = pairs["parent_id"].unique()
    _conserved("detect", usable, detected)
    _conserved("remove", detected, chained)
    _only_from("rank_pairs", paired, chained)
    _only_from("rank_pairs", pairs.filter(pc.field("kind") != NESTED_CROP)["parent_id"].unique(), edited)
    made = corpus.columns("synthetic", ["id", "maker", "prompt_id"])
    asked = _asked(corpus)
    _conserved("synthesize", asked, joined(made["maker"], made["prompt_id"]))
    calibrated = corpus.columns("calibrated_counts", ["id", "status"])
    _conserved("calibrate_counts", made["id"], calibrated["id"])
    counted = calibrated.filter(pc.field("status") == OK)["id"]
    labels = corpus.columns("density_labels", ["table", "id"])
    countable = pa.chunked_array([*joined("images", usable).chunks, *joined("synthetic", counted).chunks])
    _conserved("label_density", countable, joined(labels["table"], labels["id"]))
    _check_all_drawn(corpus)
    images, edits, counts = sum(corpus.counts("images", ["status"]).values()), len(chained), len(calibrated)
    lines = [
        _line("ingest", "files", images, images, corpus, "images"),
        _line("detect", "images", len(usable), len(detected), corpus, "detections"),
        _line("remove", "images", len(detected), edits, corpus, "removals"),
        _pairs_line(len(pairs), photographs=edits, without=edits - len(paired)),
        _line("synthesize", "prompts and makers", len(asked), len(made), corpus, "synthetic"),
        _line("calibrate_counts", "images", len(made), counts, corpus, "calibrated_counts"),
        _line("label_density", "images", len(countable), len(labels), corpus, "density_labels"),
    ]
    drawn = sum(corpus.counts("gan_samples", ["status"]).values())
    if drawn:
        lines.append(_line("sample_gan", "images asked for", drawn, drawn, corpus, "gan_samples"))
    return lines


def _ids(corpus: Corpus, table: str, *, key: str = "id", kept: bool = False) -> pa.Array:
    """Return the distinct keys of a table's rows, or of its kept ones."""
    found = corpus.columns(table, [key, "status"])
    return (found.filter(pc.field("status") == OK) if kept else found)[key].unique()


def _conserved(stage: str, given: Column, made: Column) -> None:
    """Raise ThrongError unless both hold the same ids."""
    one, other = given.unique(), made.unique()
    if len(one) != len(other) or not among(one, other).all():
        check_conserved(stage, one.to_pylist(), other.to_pylist())


def _check_all_drawn(corpus: Corpus) -> None:
    """Raise ThrongError unless every sampler's rows are as many as its parts say were asked for, of one generator."""
    asked: dict[str, tuple[str, int]] = {}
    for footer in corpus.footers["gan_samples"]:
        sampler, model = footer["config"]["sample_gan"]["name"], footer["model"]
        here = (model["generator"], int(model["asked"]))
        if asked.setdefault(sampler, here) != here:
            raise ThrongError(f"the parts of sampler {sampler!r} are of two generators; rerun stage 'sample_gan'")
    rows = corpus.counts("gan_samples", ["sampler"])
    for sampler, (_, number) in asked.items():
        found = rows.get((sampler,), 0)
        if found != number:
            raise ThrongError(
                f"stage 'sample_gan' loses rows: sampler {sampler!r} was asked for {number}, {found} out; rerun it"
            )


def _asked(corpus: Corpus) -> pa.ChunkedArray:
    """Return maker/prompt of every image that was to be made, by what the tables' footers say of their makers."""
    prompts = corpus.columns("prompts", ["id", "count", "density", "template"])
    counts = prompts["count"].cast(pa.string()).fill_null("")
    kinds = joined(counts, prompts["density"], prompts["template"]).combine_chunks().dictionary_encode()
    codes = kinds.indices.to_numpy()
    _, first = np.unique(codes, return_index=True)
    examples = prompts.take(pa.array(first)).to_pylist()
    asked: list[pa.Array] = [pa.array([], pa.string())]
    for footer in corpus.footers["synthetic"]:
        slice_of_maker = footer["config"]["synthesize"]
        maker = Making(**{name: slice_of_maker[name] for name in Making.model_fields})
        wanted = np.array([maker.wants(one["count"], one["density"], one["template"]) for one in examples], bool)
        asked += joined(maker.name, prompts["id"].filter(pa.array(wanted[codes]))).chunks
    return pa.chunked_array(asked)


def _line(stage: str, unit: str, units_in: int, units_out: int, corpus: Corpus, table: str) -> Line:
    counts = corpus.counts(table, ["status", "reason"])
    rejected: Counter[str] = Counter()
    for (status, reason), number in counts.items():
        if status != OK:
            rejected[reason.partition(":")[0]] += number
    kept = sum(number for (status, _), number in counts.items() if status == OK)
    return Line(stage, unit, units_in, units_out, kept, dict(sorted(rejected.items())))


def _pairs_line(pairs: int, *, photographs: int, without: int) -> Line:
    rejected = {"no pair of the wanted kinds and difference": without} if without else {}
    return Line("rank_pairs", "photographs", photographs, photographs, pairs, rejected)


def _only_from(stage: str, made: pa.Array, given: pa.Array) -> None:
    strangers = sorted(made.filter(pa.array(~among(made, given))).to_pylist())
    if strangers:
        raise ThrongError(
            f"stage {stage!r} has rows of {len(strangers)} images that it was not given, e.g. {strangers[0]!r}; "
            f"rerun it"
        )
