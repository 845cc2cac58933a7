"""What the rules share: the validated configuration, each rule's two params, chunks and paths. Writes nothing."""

import importlib
import sys
from pathlib import Path

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from throng.chunks import part_name, sharing
from throng.closure import code_digest, import_first
from throng.config import load
from throng.errors import ThrongError
from throng.provenance import canonical_json
from throng.roots import data_root, rendered_folder, source_roots
from throng.sections.base import of_job, output_slice
from throng.sections.gather_material import GatherMaterial

import_first(SCRIPTS)

try:
    CONFIG = load(config)
    ROOTS = source_roots(config)
except ThrongError as error:
    raise WorkflowError(str(error)) from error

RESULTS = CONFIG.results
if workflow.storage_settings and workflow.storage_settings.default_storage_provider:
    if Path(RESULTS).is_absolute() or ".." in Path(RESULTS).parts:
        raise WorkflowError(f"results: {RESULTS}: with a default storage it must be a path below the project folder")
RENDERED = rendered_folder(config).as_posix()
HUB, SHIPPED, TRAINED = "hub:", "throng:", "trained"
# sources, models of the user's and what comes with throng are read where they lie, also when results are in a bucket
ARCHIVES = [
    local(f"{RENDERED}/{name}")
    for name in (
        "crowdhuman/annotation_train.odgt",
        "crowdhuman/annotation_val.odgt",
        "crowdhuman/CrowdHuman_train01.zip",
        "crowdhuman/CrowdHuman_val.zip",
        "shanghaitech.zip",
    )
]
TRUTH = local(f"{RENDERED}/truth.parquet")

# what starts first where several wait for a core: the earlier stages, of which more is waiting
FIRST = (
    "detect",
    "remove",
    "gather_material",
    "synthesize",
    "count_synthetic",
    "calibrate_counts",
    "label_density",
    "rank_pairs",
    "audit_pairs",
    "audit_density",
    "audit_leakage",
    "train_counter",
    "evaluate",
)
MOST_THREADS = 4


wildcard_constraints:
    part=r"part-\d\d\d+-of-\d\d\d+",
    maker="|".join(maker.name for maker in CONFIG.synthesize.makers),
    counter="|".join(counter.name for counter in CONFIG.train_counter.counters),
    network="|".join(network.name for network in CONFIG.pretrain_count.networks),
    ranker="|".join(encoder.name for encoder in CONFIG.pretrain_rank.encoders),
    fit="|".join(fit.name for fit in CONFIG.fit_counts.fits),
    gan="|".join(gan.name for gan in CONFIG.train_gan.gans),
    sampler="|".join(sampler.name for sampler in CONFIG.sample_gan.samplers) or "none",
    run=r"seed-\d+",


def stage_params(stage):
    """Return the two params of a rule: what of its section decides a job's output, and the code that makes it.

    One string each, because Snakemake compares params as a set of values without names and skips other types;
    behind functions of wildcards, because a section may divide by them, and may hold a prompt's braces. Both are the
    same for all parts of a stage, and made once for them: a workflow has some ten thousand.
    """
    known = {}

    def params(wildcards):
        shared = {name: value for name, value in wildcards.items() if name != "part"}
        key = tuple(shared.items())
        if key not in known:
            mine = of_job(section_of(stage), shared)
            known[key] = {
                "config": canonical_json({stage: output_slice(mine), "seed": CONFIG.seed}),
                "code": code_digest(SCRIPTS / f"{stage}.py", chosen_modules(stage, mine)),
            }
        return known[key]

    return {
        "config": lambda wildcards: params(wildcards)["config"],
        "code": lambda wildcards: params(wildcards)["code"],
    }


def section_of(stage):
    """Return a stage's section of the configuration; material is gathered as the makers that need it say."""
    if stage == "gather_material":
        return GatherMaterial.model_validate(CONFIG.synthesize.model_dump())
    return getattr(CONFIG, stage)


def which_attempt(wildcards, attempt):
    """Return how often a job has been sent in this run, which its script asks to not fail the same way twice."""
    return attempt


def priority_of(stage):
    """Return the priority of a stage's jobs: more for those that more is waiting for."""
    return len(FIRST) - FIRST.index(stage)


def half_the_cores():
    """Return the threads of a job that others can run beside: half of a run's cores, so that none stands idle.

    Only for stages whose bytes do not depend on it. Where jobs go to other machines their profile says how many.
    """
    cores = workflow.resource_settings.cores
    return 2 if cores is None else max(1, min(MOST_THREADS, cores // 2))


def chosen_modules(stage, section):
    """Return the modules that a job with this part of a section loads by name, so that only their edits count."""
    chooser = getattr(importlib.import_module(f"throng.sections.{stage}"), "chosen_modules", None)
    return chooser(section) if chooser else ()


def parts(stage):
    """Return the names of a chunked stage's parts."""
    chunks = getattr(CONFIG, stage).chunks
    return [part_name(index, chunks) for index in range(chunks)]


def tables(stage):
    """Return the table of every part of a chunked stage."""
    return [f"{RESULTS}/{stage}/{part}.parquet" for part in parts(stage)]


def tables_of_part(stage):
    """Return an input function: the tables of another stage's parts that may hold rows of a job's own part."""
    chunks = getattr(CONFIG, stage).chunks
    return lambda wildcards: [f"{RESULTS}/{stage}/{part}.parquet" for part in sharing(wildcards.part, chunks)]


def pixels(stage):
    """Return the zip of every part of a chunked stage."""
    return [f"{RESULTS}/{stage}/{part}.zip" for part in parts(stage)]


def made(stage, end="parquet"):
    """Return a stage's file for every maker of synthetic images and every part of its prompts."""
    return [
        f"{RESULTS}/{stage}/{maker.name}/{part_name(index, maker.chunks)}.{end}"
        for maker in CONFIG.synthesize.makers
        for index in range(maker.chunks)
    ]


def data_file(path):
    """Return a file of the user's: absolute, or below data_root."""
    return local((data_root(config) / Path(path).expanduser()).as_posix())


def converted():
    """Return what convert_dataset makes beside its table: a zip, or a folder."""
    dataset = f"{RESULTS}/convert_dataset/dataset"
    return f"{dataset}.zip" if CONFIG.convert_dataset.format == "zip" else directory(dataset)


def source_files():
    """Return what ingestion waits for: the rendered archives where a source uses them, the user's folders elsewhere.

    Called while parsing: an input function that fails would make Snakemake take existing results for good.
    """
    roots = [ROOTS[source.name] for source in CONFIG.ingest.sources]
    wanted = [archive for archive in ARCHIVES if any(Path(archive).is_relative_to(root) for root in roots)]
    own = [root for root in roots if not root.is_relative_to(RENDERED)]
    missing = [root.as_posix() for root in own if not root.exists()]
    if missing:
        raise WorkflowError(
            f"ingest.sources: {', '.join(missing)} not found; set data_root (or the environment variable THRONG_DATA) "
            f"to the folder that holds it, or correct the source's root"
        )
    return wanted + [local(root.as_posix()) for root in own]


def rendered_truth():
    """Return what the renderer knows of its scenes, where a source is rendered."""
    rendered = any(root.is_relative_to(RENDERED) for name, root in ROOTS.items() if name != "results")
    return TRUTH if rendered else []
