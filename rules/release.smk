"""What leaves the house: verified shards, and one page to look at."""


rule release:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        detections=tables("detect"),
        removals=tables("remove"),
        removed_pixels=pixels("remove"),
        ranked_pairs=f"{RESULTS}/rank_pairs/ranked_pairs.parquet",
        prompts=f"{RESULTS}/prompt/prompts.parquet",
        synthetic=made("synthesize"),
        synthetic_pixels=made("synthesize", "zip"),
        calibrated_counts=f"{RESULTS}/calibrate_counts/calibrated_counts.parquet",
        density_labels=f"{RESULTS}/label_density/density_labels.parquet",
        gan_samples=sampled(),
        gan_sample_pixels=sampled("zip"),
    output:
        index=f"{RESULTS}/release/{CONFIG.release.name}/index.json",
    log:
        f"{RESULTS}/logs/release.log",
    benchmark:
        f"{RESULTS}/benchmarks/release.tsv"
    conda:
        "../envs/core.yaml"
    threads: 2
    params:
        **stage_params("release"),
    message:
        "release: shards, index, card; read back and verified"
    script:
        "../workflow/scripts/release.py"


rule report:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        detections=tables("detect"),
        removals=tables("remove"),
        removed_pixels=pixels("remove"),
        ranked_pairs=f"{RESULTS}/rank_pairs/ranked_pairs.parquet",
        prompts=f"{RESULTS}/prompt/prompts.parquet",
        synthetic=made("synthesize"),
        synthetic_pixels=made("synthesize", "zip"),
        calibrated_counts=f"{RESULTS}/calibrate_counts/calibrated_counts.parquet",
        density_labels=f"{RESULTS}/label_density/density_labels.parquet",
        gan_samples=sampled(),
        gan_sample_pixels=sampled("zip"),
        audit=f"{RESULTS}/audit_pairs/audit.json",
        calibration=f"{RESULTS}/calibrate_counts/calibration.json",
        agreement=f"{RESULTS}/audit_density/agreement.json",
        metrics=f"{RESULTS}/evaluate/metrics.json",
        predictions=f"{RESULTS}/evaluate/predictions.parquet",
        plots=[
            f"{RESULTS}/evaluate/{name}"
            for name in ("comparison.png", "scatter.png", "bins.png", "calibration.png", "curves.png", "examples.jpg")
        ],
        index=f"{RESULTS}/release/{CONFIG.release.name}/index.json",
    output:
        page=f"{RESULTS}/report/report.html",
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    params:
        **stage_params("report"),
    message:
        "report: one page to look at"
    script:
        "../workflow/scripts/report.py"
