"""What leaves the house: verified shards, and a page to look through everything."""

# folders of files that nobody lists, to be opened from disk: they stay there when results are in a bucket
RELEASED = local(f"{RESULTS}/release/{CONFIG.release.name}/index.json")
REPORT = local(f"{RESULTS}/report/report.html")


rule audit_leakage:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        synthetic=made("synthesize"),
        synthetic_pixels=made("synthesize", "zip"),
        gan_samples=sampled(),
        gan_sample_pixels=sampled("zip"),
        test_sets=known_test_sets(),
        encoder=leakage_encoder(),
    output:
        table=f"{RESULTS}/audit_leakage/near_duplicates.parquet",
        figures=f"{RESULTS}/audit_leakage/leakage.json",
        page=report(
            f"{RESULTS}/audit_leakage/leakage.html",
            caption="../workflow/report/leakage.rst",
            category="Data",
        ),
    log:
        f"{RESULTS}/logs/audit_leakage.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_leakage.tsv"
    priority: priority_of("audit_leakage")
    conda:
        "../envs/gpu.yaml" if CONFIG.audit_leakage.encoder else "../envs/core.yaml"
    threads: half_the_cores()
    resources:
        attempt=which_attempt,
    params:
        **stage_params("audit_leakage"),
    message:
        "audit_leakage: near copies across splits and in known test sets"
    script:
        "../workflow/scripts/audit_leakage.py"


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
        near_duplicates=f"{RESULTS}/audit_leakage/near_duplicates.parquet",
        leakage=f"{RESULTS}/audit_leakage/leakage.json",
        audit=f"{RESULTS}/audit_pairs/audit.json",
        calibration=f"{RESULTS}/calibrate_counts/calibration.json",
        agreement=f"{RESULTS}/audit_density/agreement.json",
        opt_out=own_file(CONFIG.release.privacy.opt_out),
        previous=previous_release(),
    output:
        index=RELEASED,
    log:
        f"{RESULTS}/logs/release.log",
    benchmark:
        f"{RESULTS}/benchmarks/release.tsv"
    conda:
        "../envs/core.yaml"
    threads: half_the_cores()
    resources:
        attempt=which_attempt,
    params:
        **stage_params("release"),
    message:
        "release: shards, index, card; read back and verified"
    script:
        "../workflow/scripts/release.py"


rule report:
    input:
        **REPORTED,
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
        index=RELEASED,
    output:
        page=REPORT,
        data=local(directory(f"{RESULTS}/report/data")),
        app=local(directory(f"{RESULTS}/report/app")),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../envs/core.yaml"
    threads: 2
    resources:
        attempt=which_attempt,
    params:
        **stage_params("report"),
    message:
        "report: a page to look through everything"
    script:
        "../workflow/scripts/report.py"
