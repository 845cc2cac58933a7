"""Ranked pairs: find people, take some of them out, pair what has more with what has fewer."""


rule detect:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        model=model_file(CONFIG.detect.model) if CONFIG.detect.backend == "ultralytics" else [],
    output:
        table=f"{RESULTS}/detect/{{part}}.parquet",
    log:
        f"{RESULTS}/logs/detect/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/detect/{{part}}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 1
    resources:
        gpu=gpus("detect"),
    params:
        **stage_params("detect"),
    message:
        "detect: people, {wildcards.part}"
    script:
        "../workflow/scripts/detect.py"


rule remove:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        detections=tables("detect"),
    output:
        table=f"{RESULTS}/remove/{{part}}.parquet",
        pixels=f"{RESULTS}/remove/{{part}}.zip",
    log:
        f"{RESULTS}/logs/remove/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/remove/{{part}}.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    params:
        **stage_params("remove"),
    message:
        "remove: people out of photographs, {wildcards.part}"
    script:
        "../workflow/scripts/remove.py"


rule rank_pairs:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        removals=tables("remove"),
    output:
        table=f"{RESULTS}/rank_pairs/ranked_pairs.parquet",
    log:
        f"{RESULTS}/logs/rank_pairs.log",
    benchmark:
        f"{RESULTS}/benchmarks/rank_pairs.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    params:
        **stage_params("rank_pairs"),
    message:
        "rank_pairs: more people, fewer people, exact difference"
    script:
        "../workflow/scripts/rank_pairs.py"
