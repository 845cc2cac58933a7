"""Ranked pairs: find people, take some of them out, pair what has more with what has fewer."""


rule detect:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        model=own_model("detect"),
    output:
        table=f"{RESULTS}/detect/{{part}}.parquet",
    log:
        f"{RESULTS}/logs/detect/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/detect/{{part}}.tsv"
    priority: priority_of("detect")
    conda:
        "../envs/gpu.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
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
        detections=tables_of_part("detect"),
        model=own_model("remove"),
        check_models=check_models("remove"),
    output:
        table=f"{RESULTS}/remove/{{part}}.parquet",
        pixels=f"{RESULTS}/remove/{{part}}.zip",
    log:
        f"{RESULTS}/logs/remove/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/remove/{{part}}.tsv"
    priority: priority_of("remove")
    conda:
        "../envs/gpu.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
        gpu=gpus("remove"),
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
    priority: priority_of("rank_pairs")
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
    params:
        **stage_params("rank_pairs"),
    message:
        "rank_pairs: more people, fewer people, exact difference"
    script:
        "../workflow/scripts/rank_pairs.py"


rule audit_pairs:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        detections=tables("detect"),
        removals=tables("remove"),
        removed_pixels=pixels("remove"),
        ranked_pairs=f"{RESULTS}/rank_pairs/ranked_pairs.parquet",
        truth=rendered_truth(),
    output:
        audit=f"{RESULTS}/audit_pairs/audit.parquet",
        edits=f"{RESULTS}/audit_pairs/edits.parquet",
        figures=f"{RESULTS}/audit_pairs/audit.json",
        page=report(
            f"{RESULTS}/audit_pairs/audit.html",
            caption="../workflow/report/audit.rst",
            category="Data",
        ),
    log:
        f"{RESULTS}/logs/audit_pairs.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_pairs.tsv"
    priority: priority_of("audit_pairs")
    conda:
        "../envs/core.yaml"
    threads: half_the_cores()
    resources:
        attempt=which_attempt,
    params:
        **stage_params("audit_pairs"),
    message:
        "audit_pairs: the pairs against the truth, the edits against their surroundings"
    script:
        "../workflow/scripts/audit_pairs.py"
