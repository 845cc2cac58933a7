"""Where images come from: rendered scenes for the demo, the user's own archives otherwise."""


rule render:
    output:
        archives=ARCHIVES,
        truth=TRUTH,
    log:
        f"{RESULTS}/logs/render.log",
    benchmark:
        f"{RESULTS}/benchmarks/render.tsv"
    conda:
        "../envs/core.yaml"
    threads: 2
    resources:
        attempt=which_attempt,
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
    threads: half_the_cores()
    resources:
        attempt=which_attempt,
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
        "resources/logs/fetch_models/{name}/{file}.log",
    wildcard_constraints:
        name=r"[^/]+",
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
    params:
        **stage_params("fetch_models"),
    message:
        "fetch_models: {wildcards.name}, {wildcards.file}"
    script:
        "../workflow/scripts/fetch_models.py"
