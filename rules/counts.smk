"""How many people the synthesised images really show."""


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
    priority: priority_of("count_synthetic")
    conda:
        "../envs/gpu.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
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
        page=report(
            f"{RESULTS}/calibrate_counts/calibration.html",
            caption="../workflow/report/calibration.rst",
            category="Data",
        ),
    log:
        f"{RESULTS}/logs/calibrate_counts.log",
    benchmark:
        f"{RESULTS}/benchmarks/calibrate_counts.tsv"
    priority: priority_of("calibrate_counts")
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
    params:
        **stage_params("calibrate_counts"),
    message:
        "calibrate_counts: how many people every synthesised image shows, and how surely"
    script:
        "../workflow/scripts/calibrate_counts.py"
