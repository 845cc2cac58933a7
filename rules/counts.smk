"""How many people the synthesised images really show."""


def counting_files():
    """Return what stage count_synthetic looks with, by the names of its inputs: the models that its section names."""
    section = CONFIG.count_synthetic
    detector = getattr(section.detector, "model", ())
    features = getattr(section.features, "model", ())
    return {
        "model": [] if detector == () else model_file(detector),
        "counter": data_file(section.counter.weights) if section.counter else [],
        "features_model": [] if features == () else model_file(features),
    }


def counting_gpus():
    """Return how many GPUs a job of count_synthetic asks for: one where it, or its detector, names a CUDA device."""
    section = CONFIG.count_synthetic
    devices = [section.device, getattr(section.detector, "device", "cpu")]
    return int(any(device.startswith("cuda") for device in devices))


rule count_synthetic:
    input:
        **counting_files(),
        images=f"{RESULTS}/ingest/images.parquet",
        synthetic=f"{RESULTS}/synthesize/{{maker}}/{{part}}.parquet",
        pixels=f"{RESULTS}/synthesize/{{maker}}/{{part}}.zip",
    output:
        table=f"{RESULTS}/count_synthetic/{{maker}}/{{part}}.parquet",
    log:
        f"{RESULTS}/logs/count_synthetic/{{maker}}/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/count_synthetic/{{maker}}/{{part}}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 1
    resources:
        gpu=counting_gpus(),
    params:
        **stage_params("count_synthetic"),
    message:
        "count_synthetic: who is seen in synthesised images, {wildcards.maker}, {wildcards.part}"
    script:
        "../workflow/scripts/count_synthetic.py"


rule calibrate_counts:
    input:
        prompts=f"{RESULTS}/prompt/prompts.parquet",
        synthetic=made("synthesize"),
        pixels=made("synthesize", "zip"),
        counts=made("count_synthetic"),
        scores=data_file(CONFIG.calibrate_counts.scores) if CONFIG.calibrate_counts.scores else [],
    output:
        table=f"{RESULTS}/calibrate_counts/calibrated_counts.parquet",
        figures=f"{RESULTS}/calibrate_counts/calibration.json",
        page=f"{RESULTS}/calibrate_counts/calibration.html",
    log:
        f"{RESULTS}/logs/calibrate_counts.log",
    benchmark:
        f"{RESULTS}/benchmarks/calibrate_counts.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    params:
        **stage_params("calibrate_counts"),
    message:
        "calibrate_counts: how many people every synthesised image shows, and how surely"
    script:
        "../workflow/scripts/calibrate_counts.py"
