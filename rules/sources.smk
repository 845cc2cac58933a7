"""Where images come from: rendered scenes for the demo, the user's own archives otherwise."""

ARCHIVES = [
    f"{RENDERED}/crowdhuman/annotation_train.odgt",
    f"{RENDERED}/crowdhuman/annotation_val.odgt",
    f"{RENDERED}/crowdhuman/CrowdHuman_train01.zip",
    f"{RENDERED}/crowdhuman/CrowdHuman_val.zip",
    f"{RENDERED}/shanghaitech.zip",
]


rule render:
    output:
        archives=ARCHIVES,
        truth=f"{RENDERED}/truth.parquet",
    log:
        f"{RESULTS}/logs/render.log",
    benchmark:
        f"{RESULTS}/benchmarks/render.tsv"
    threads: 2
    params:
        **stage_params("render"),
    conda:
        "../envs/core.yaml"
    message:
        "render: crowd scenes with exact truth"
    script:
        "../workflow/scripts/render.py"


rule ingest:
    input:
        sources=source_files,
    output:
        images=f"{RESULTS}/ingest/images.parquet",
        summary=f"{RESULTS}/ingest/summary.json",
    log:
        f"{RESULTS}/logs/ingest.log",
    benchmark:
        f"{RESULTS}/benchmarks/ingest.tsv"
    threads: 2
    params:
        **stage_params("ingest"),
    conda:
        "../envs/core.yaml"
    message:
        "ingest: sources into one table of images"
    script:
        "../workflow/scripts/ingest.py"


rule fetch_models:
    output:
        model="resources/models/{name}/{file}",
    log:
        "resources/models/{name}/{file}.log",
    threads: 1
    params:
        **stage_params("fetch_models"),
    conda:
        "../envs/core.yaml"
    message:
        "fetch_models: {wildcards.name}"
    script:
        "../workflow/scripts/fetch_models.py"
