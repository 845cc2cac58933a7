"""Counting without labels: pretexts, ranks, fits, probes, and the ladder that says what each is worth."""


rule pretrain_count:
    input:
        unpack(looked_at),
        images=f"{RESULTS}/ingest/images.parquet",
    output:
        network=f"{RESULTS}/pretrain_count/{{network}}/{{run}}/network.safetensors",
        recipe=f"{RESULTS}/pretrain_count/{{network}}/{{run}}/network.json",
        history=f"{RESULTS}/pretrain_count/{{network}}/{{run}}/history.jsonl",
    log:
        f"{RESULTS}/logs/pretrain_count/{{network}}/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pretrain_count/{{network}}/{{run}}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: lambda wildcards: max(2, PRETEXTS[wildcards.network].processes)
    resources:
        **where(lambda wildcards: PRETEXTS[wildcards.network]),
        attempt=which_attempt,
    params:
        **stage_params("pretrain_count"),
    message:
        "pretrain_count: what tiles hold adds up, {wildcards.network} {wildcards.run}"
    script:
        "../workflow/scripts/pretrain_count.py"


rule pretrain_rank:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        detections=tables("detect"),
        pairs=f"{RESULTS}/rank_pairs/ranked_pairs.parquet",
        removed_pixels=pixels("remove"),
        start=started_from,
        weights=lambda wildcards: RANKER_WEIGHTS[wildcards.ranker],
    output:
        ranker=f"{RESULTS}/pretrain_rank/{{ranker}}/{{run}}/ranker.safetensors",
        recipe=f"{RESULTS}/pretrain_rank/{{ranker}}/{{run}}/ranker.json",
        history=f"{RESULTS}/pretrain_rank/{{ranker}}/{{run}}/history.jsonl",
        accuracy=f"{RESULTS}/pretrain_rank/{{ranker}}/{{run}}/accuracy.json",
    log:
        f"{RESULTS}/logs/pretrain_rank/{{ranker}}/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pretrain_rank/{{ranker}}/{{run}}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 2
    resources:
        attempt=which_attempt,
        gpu=lambda wildcards: on_gpus(RANKERS[wildcards.ranker]),
    params:
        **stage_params("pretrain_rank"),
    message:
        "pretrain_rank: which shows more people, {wildcards.ranker} {wildcards.run}"
    script:
        "../workflow/scripts/pretrain_rank.py"


rule fit_counts:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        synthetic=made("synthesize"),
        synthetic_pixels=made("synthesize", "zip"),
        calibrated=f"{RESULTS}/calibrate_counts/calibrated_counts.parquet",
        encoder=fitted_encoder,
    output:
        counter=f"{RESULTS}/fit_counts/{{fit}}/{{run}}/counter.safetensors",
        recipe=f"{RESULTS}/fit_counts/{{fit}}/{{run}}/counter.json",
    log:
        f"{RESULTS}/logs/fit_counts/{{fit}}/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fit_counts/{{fit}}/{{run}}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 2
    resources:
        attempt=which_attempt,
        gpu=lambda wildcards: on_gpus(FITS[wildcards.fit]),
    params:
        **stage_params("fit_counts"),
    message:
        "fit_counts: from features to people, {wildcards.fit} {wildcards.run}"
    script:
        "../workflow/scripts/fit_counts.py"


rule probe:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        synthetic=made("synthesize"),
        synthetic_pixels=made("synthesize", "zip"),
        networks=probed_networks(),
        rankers=probed_rankers(),
    output:
        probe=f"{RESULTS}/probe/probe.json",
        figure=f"{RESULTS}/probe/probe.png",
        leak=f"{RESULTS}/probe/leak.png",
    log:
        f"{RESULTS}/logs/probe.log",
    benchmark:
        f"{RESULTS}/benchmarks/probe.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 2
    resources:
        attempt=which_attempt,
        gpu=gpus("probe"),
    params:
        **stage_params("probe"),
    message:
        "probe: what has been learnt without labels"
    script:
        "../workflow/scripts/probe.py"


rule ladder:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        synthetic=made("synthesize"),
        calibrated=f"{RESULTS}/calibrate_counts/calibrated_counts.parquet",
        fits=ladder_fits(),
        counters=ladder_counters(),
        models=ladder_models(),
    output:
        predictions=f"{RESULTS}/ladder/predictions.parquet",
        ladder=f"{RESULTS}/ladder/ladder.json",
        table=f"{RESULTS}/ladder/ladder.csv",
        figure=f"{RESULTS}/ladder/ladder.png",
        page=report(
            f"{RESULTS}/ladder/ladder.html",
            caption="../workflow/report/ladder.rst",
            category="Counting",
        ),
    log:
        f"{RESULTS}/logs/ladder.log",
    benchmark:
        f"{RESULTS}/benchmarks/ladder.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 2
    resources:
        attempt=which_attempt,
        gpu=ladder_gpus(),
    params:
        **stage_params("ladder"),
    message:
        "ladder: every counter without labels, on real photographs"
    script:
        "../workflow/scripts/ladder.py"
