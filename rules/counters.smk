"""Counters: trained on points, measured on images that nothing was chosen by."""


rule train_counter:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        synthetic=made("synthesize"),
        synthetic_pixels=made("synthesize", "zip"),
        calibrated=f"{RESULTS}/calibrate_counts/calibrated_counts.parquet",
    output:
        weights=f"{RESULTS}/train_counter/counter.safetensors",
        recipe=f"{RESULTS}/train_counter/counter.json",
        history=f"{RESULTS}/train_counter/history.jsonl",
    log:
        f"{RESULTS}/logs/train_counter.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_counter.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 2
    resources:
        gpu=gpus("train_counter"),
    params:
        **stage_params("train_counter"),
    message:
        "train_counter: a counter from head points"
    script:
        "../workflow/scripts/train_counter.py"


rule evaluate:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        weights=f"{RESULTS}/train_counter/counter.safetensors",
        recipe=f"{RESULTS}/train_counter/counter.json",
        history=f"{RESULTS}/train_counter/history.jsonl",
        published=[data_file(counter.weights) for counter in CONFIG.evaluate.published],
    output:
        predictions=f"{RESULTS}/evaluate/predictions.parquet",
        metrics=f"{RESULTS}/evaluate/metrics.json",
        scatter=f"{RESULTS}/evaluate/scatter.png",
        bins=f"{RESULTS}/evaluate/bins.png",
        curves=f"{RESULTS}/evaluate/curves.png",
    log:
        f"{RESULTS}/logs/evaluate.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 2
    resources:
        gpu=gpus("evaluate"),
    params:
        **stage_params("evaluate"),
    message:
        "evaluate: MAE and RMSE on real images"
    script:
        "../workflow/scripts/evaluate.py"
