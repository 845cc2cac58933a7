"""Where images come from: rendered scenes for the demo, the user's own archives otherwise."""

ARCHIVES = [
    f"{RENDERED}/crowdhuman/annotation_train.odgt",
    f"{RENDERED}/crowdhuman/annotation_val.odgt",
    f"{RENDERED}/crowdhuman/CrowdHuman_train01.zip",
    f"{RENDERED}/crowdhuman/CrowdHuman_val.zip",
    f"{RENDERED}/shanghaitech.zip",
]


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
    return wanted + [root.as_posix() for root in own]


rule render:
    output:
        archives=ARCHIVES,
        truth=f"{RENDERED}/truth.parquet",
    log:
        f"{RESULTS}/logs/render.log",
    benchmark:
        f"{RESULTS}/benchmarks/render.tsv"
    conda:
        "../envs/core.yaml"
    threads: 2
    params:
        **stage_params("render"),
    message:
        "render: crowd scenes with exact truth"
    script:
        "../workflow/scripts/render.py"


rule ingest:
    input:
        sources=source_files(),
    output:
        images=f"{RESULTS}/ingest/images.parquet",
        summary=f"{RESULTS}/ingest/summary.json",
    log:
        f"{RESULTS}/logs/ingest.log",
    benchmark:
        f"{RESULTS}/benchmarks/ingest.tsv"
    conda:
        "../envs/core.yaml"
    threads: 2
    params:
        **stage_params("ingest"),
    message:
        "ingest: sources into one table of images"
    script:
        "../workflow/scripts/ingest.py"


rule fetch_models:
    output:
        model="resources/models/{name}/{file}",
    log:
        "resources/models/{name}/{file}.log",
    conda:
        "../envs/core.yaml"
    threads: 1
    params:
        **stage_params("fetch_models"),
    message:
        "fetch_models: {wildcards.name}"
    script:
        "../workflow/scripts/fetch_models.py"
