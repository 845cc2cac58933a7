"""Counters: trained on points, measured on images that nothing was chosen by."""

from throng.sections.train_counter import run_names

COUNTERS = {counter.name: counter for counter in CONFIG.train_counter.counters}
BACKBONES = {name: model_file(counter.weights) if counter.weights else [] for name, counter in COUNTERS.items()}


def learnt_from(wildcards):
    """Return the tables, and their pixels, that a counter learns from beside the photographs."""
    data = COUNTERS[wildcards.counter].data
    found = {}
    if data.synthetic:
        found["synthetic"] = made("synthesize")
        found["synthetic_pixels"] = made("synthesize", "zip")
        found["calibrated"] = f"{RESULTS}/calibrate_counts/calibrated_counts.parquet"
    if data.pairs:
        found["pairs"] = f"{RESULTS}/rank_pairs/ranked_pairs.parquet"
        found["removed_pixels"] = pixels("remove")
    return found


def counter_gpus(counter):
    """Return how many GPUs a counter's training asks for: one per process where it names a CUDA device."""
    return counter.processes if counter.device.startswith("cuda") else 0


def trained_files(name):
    """Return one file of every run of every counter."""
    return [
        f"{RESULTS}/train_counter/{counter.name}/{run}/{name}"
        for counter in COUNTERS.values()
        for run in run_names(counter)
    ]


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
    conda:
        "../envs/gpu.yaml"
    threads: lambda wildcards: max(2, COUNTERS[wildcards.counter].processes)
    resources:
        gpu=lambda wildcards: counter_gpus(COUNTERS[wildcards.counter]),
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
        comparison=f"{RESULTS}/evaluate/comparison.png",
        examples=f"{RESULTS}/evaluate/examples.jpg",
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
        "evaluate: every counter on real images"
    script:
        "../workflow/scripts/evaluate.py"
