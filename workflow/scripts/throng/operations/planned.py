"""The stages of a configuration as a plan sees them: images to go over, jobs, and what waits for what."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from throng.config import Config
from throng.errors import ThrongError
from throng.operations.throughput import key_of, names_cuda
from throng.sections.base import output_slice
from throng.sections.prompt import Prompt, counts_of, repeats_for, texts_of
from throng.sections.sample_gan import AsTrained, Chosen, Sampler
from throng.sections.synthesize import Composite

SYNTHETIC = ("synthesize", "count_synthetic")
SAMPLED_LABELS = 4  # of a sampler that draws every label: how many a generator has is known to its file alone
# what each rule waits for, as rules/*.smk say; `synthesize` and its like stand for every maker's
AFTER: dict[str, tuple[str, ...]] = {
    "ingest": (),
    "detect": ("ingest",),
    "remove": ("detect",),
    "rank_pairs": ("remove",),
    "audit_pairs": ("rank_pairs",),
    "prompt": (),
    "gather_material": ("remove",),
    "synthesize": ("prompt",),
    "count_synthetic": ("synthesize", "ingest"),
    "calibrate_counts": ("count_synthetic",),
    "label_density": ("detect", "calibrate_counts"),
    "audit_density": ("label_density",),
    "convert_dataset": ("label_density",),
    "train_counter": ("ingest",),
    "evaluate": ("train_counter",),
    "sample_gan": (),
    "audit_leakage": ("ingest", "synthesize", "sample_gan"),
    "release": ("audit_pairs", "audit_density", "audit_leakage", "calibrate_counts"),
    "report": ("release", "evaluate"),
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage, or one maker's, sampler's or counter's share of it.

    ``scans`` says how many images' rows every job reads of whole tables; ``path`` is where its number of chunks stands
    in the configuration, None where it has one job.
    """

    name: str
    stage: str
    key: str
    images: int
    chunks: int
    path: tuple[str, ...] | None
    gpu: bool
    threads: int
    after: tuple[str, ...]
    scans: int = 0


def stages_of(config: Config, images: int, synthetic: int | None, threads: Mapping[str, int]) -> list[Stage]:
    """Return the stages of ``snakemake all`` for so many photographs, in the order of the work.

    ``synthetic`` is the number of prompts, None for those of section ``prompt``; ``threads`` is by rule, else 1.
    Raises ThrongError where there is nothing to do, or the number of prompts is not known.
    """
    if images < 1:
        raise ThrongError(f"{images} photographs were asked for; a plan needs at least 1")
    prompts = Prompts(config.prompt, synthetic)
    found = [*_of_photographs(config, images), *_of_prompts(config, images, prompts), *_of_all(config, images, prompts)]
    known = {stage.stage: [one.name for one in found if one.stage == stage.stage] for stage in found}
    return [
        dataclasses.replace(
            stage,
            after=tuple(name for rule in stage.after for name in _waited_for(stage, rule, known)),
            threads=threads.get(stage.stage, 1),
        )
        for stage in found
    ]


def _waited_for(stage: Stage, rule: str, known: Mapping[str, list[str]]) -> list[str]:
    """Return the names behind a rule; images of one maker are counted when that maker's are made."""
    if stage.stage == "count_synthetic" and rule == "synthesize":
        return [f"synthesize/{stage.name.partition('/')[2]}"]
    return known.get(rule, [])


class Prompts:
    """How many images are asked for in all, and of a maker."""

    def __init__(self, section: Prompt, asked: int | None) -> None:
        if section.own and asked is None:
            raise ThrongError(f"prompt.own: how many prompts {section.own} holds is not looked up; give --synthetic N")
        self._groups = list(_groups(section))
        total = sum(number for number, *_ in self._groups)
        self._scale = 1.0 if asked is None else asked / total if total else 0.0
        self.number = total if asked is None else asked

    def of(self, maker: Any) -> int:
        """Return the number of prompts that a maker's counts, densities and templates choose."""
        chosen = sum(number for number, count, density, name in self._groups if maker.wants(count, density, name))
        return round(chosen * self._scale)


def _groups(section: Prompt) -> Iterator[tuple[int, int | None, str, str]]:
    for template in section.templates:
        viewpoints, conditions, wordings = texts_of(section, template)
        for count in counts_of(section, template) or [None]:
            number = len(viewpoints) * len(conditions) * len(wordings) * repeats_for(section, template, count)
            yield number, count, template.density or "", template.name


def _stage(stage: str, section: Any, images: int, name: str = "", **said: Any) -> Stage:
    return Stage(
        name=f"{stage}/{name}" if name else stage,
        stage=stage,
        key=key_of(stage, output_slice(section)),
        images=images,
        chunks=said.pop("chunks", 1),
        path=said.pop("path", None),
        gpu=names_cuda(section.model_dump()) if section is not None else False,
        threads=1,
        after=(*AFTER[stage], *said.pop("after", ())),
        **said,
    )


def _of_photographs(config: Config, images: int) -> Iterator[Stage]:
    yield _stage("ingest", config.ingest, images)
    for name in ("detect", "remove"):
        section = getattr(config, name)
        yield _stage(name, section, images, chunks=section.chunks, path=(name,), scans=images)
    yield _stage("rank_pairs", config.rank_pairs, images, scans=images)
    yield _stage("audit_pairs", config.audit_pairs, images, scans=images)


def _of_prompts(config: Config, images: int, prompts: Prompts) -> Iterator[Stage]:
    yield _stage("prompt", config.prompt, prompts.number)
    for maker in config.synthesize.makers:
        said: dict[str, Any] = {"chunks": maker.chunks, "path": ("synthesize", "makers", maker.name)}
        after: tuple[str, ...] = ()
        if isinstance(maker, Composite):
            gathers = _stage("gather_material", maker.gathering, 1, maker.name, scans=images)
            after = (gathers.name,)
            yield gathers
        yield _stage("synthesize", maker, prompts.of(maker), maker.name, **said, scans=prompts.number, after=after)
    for maker in config.synthesize.makers:
        scans = images if config.count_synthetic.reference else 0
        number = prompts.of(maker)
        yield _stage("count_synthetic", config.count_synthetic, number, maker.name, chunks=maker.chunks, scans=scans)
    for sampler in config.sample_gan.samplers:
        path = ("sample_gan", "samplers", sampler.name)
        yield _stage("sample_gan", sampler, _drawn(sampler), sampler.name, chunks=sampler.chunks, path=path)


def _drawn(sampler: Sampler) -> int:
    labels = sampler.labels
    if isinstance(labels, AsTrained):
        return labels.images
    return labels.per_label * (len(labels.values) if isinstance(labels, Chosen) else SAMPLED_LABELS)


def _of_all(config: Config, images: int, prompts: Prompts) -> Iterator[Stage]:
    made = sum(prompts.of(maker) for maker in config.synthesize.makers)
    everything = images + made
    for name in ("calibrate_counts", "label_density", "audit_density", "convert_dataset"):
        yield _stage(name, getattr(config, name), everything, scans=everything)
    for counter in config.train_counter.counters:
        for seed in range(1, counter.seeds + 1):
            data = counter.data
            after = [*(["detect"] if data.detected else []), *(["calibrate_counts"] if data.synthetic else [])]
            after += ["rank_pairs"] if data.pairs else []
            yield _stage("train_counter", counter, 1, f"{counter.name}/seed-{seed}", after=tuple(after), scans=images)
    yield _stage("evaluate", config.evaluate, 1, scans=images)
    for name in ("audit_leakage", "release", "report"):
        yield _stage(name, getattr(config, name), everything, scans=everything)
