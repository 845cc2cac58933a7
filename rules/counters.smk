"""Counters: trained on points, measured on images that nothing was chosen by."""


rule train_counter:
    input:
        unpack(learnt_from),
        images=f"{RESULTS}/ingest/images.parquet",
        backbone=lambda wildcards: BACKBONES[wildcards.counter],
    output:
        weights=f"{RESULTS}/train_counter/{{counter}}/{{run}}/counter.safetensors",
        recipe=f"{RESULTS}/train_counter/{{counter}}/{{run}}/counter.json",
        history=f"{RESULTS}/train_counter/{{counter}}/{{run}}/history.jsonl",
    log:
        f"{RESULTS}/logs/train_counter/{{counter}}/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_counter/{{counter}}/{{run}}.tsv"
    priority: priority_of("train_counter")
    conda:
        "../envs/gpu.yaml"
    threads: lambda wildcards: max(2, COUNTERS[wildcards.counter].processes)
    resources:
        **where(lambda wildcards: COUNTERS[wildcards.counter]),
        attempt=which_attempt,
    params:
        **stage_params("train_counter"),
    message:
        "train_counter: a counter from head points, {wildcards.counter} {wildcards.run}"
    script:
        "../workflow/scripts/train_counter.py"


rule evaluate:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        weights=trained_files("counter.safetensors"),
        recipe=trained_files("counter.json"),
        history=trained_files("history.jsonl"),
        published=[data_file(counter.weights) for counter in CONFIG.evaluate.published],
    output:
        predictions=f"{RESULTS}/evaluate/predictions.parquet",
        metrics=f"{RESULTS}/evaluate/metrics.json",
        scatter=f"{RESULTS}/evaluate/scatter.png",
        bins=f"{RESULTS}/evaluate/bins.png",
        curves=f"{RESULTS}/evaluate/curves.png",
        calibration=f"{RESULTS}/evaluate/calibration.png",
        comparison=report(
            f"{RESULTS}/evaluate/comparison.png",
            caption="../workflow/report/comparison.rst",
            category="Counting",
        ),
        examples=report(
            f"{RESULTS}/evaluate/examples.jpg",
            caption="../workflow/report/examples.rst",
            category="Counting",
        ),
    log:
        f"{RESULTS}/logs/evaluate.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate.tsv"
    priority: priority_of("evaluate")
    conda:
        "../envs/gpu.yaml"
    threads: 2
    resources:
        attempt=which_attempt,
        gpu=gpus("evaluate"),
    params:
        **stage_params("evaluate"),
    message:
        "evaluate: every counter on real images"
    script:
        "../workflow/scripts/evaluate.py"
