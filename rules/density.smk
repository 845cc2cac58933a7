"""How crowded every image is, whether that can be believed, and the images in the form that GANs are trained on."""


rule label_density:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        detections=tables("detect"),
        synthetic=made("synthesize"),
        calibrated=f"{RESULTS}/calibrate_counts/calibrated_counts.parquet",
        frozen=data_file(CONFIG.label_density.normalisation) if CONFIG.label_density.normalisation else [],
    output:
        table=f"{RESULTS}/label_density/density_labels.parquet",
        normalisation=f"{RESULTS}/label_density/normalisation.json",
    log:
        f"{RESULTS}/logs/label_density.log",
    benchmark:
        f"{RESULTS}/benchmarks/label_density.tsv"
    priority: priority_of("label_density")
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
    params:
        **stage_params("label_density"),
    message:
        "label_density: how crowded every image is"
    script:
        "../workflow/scripts/label_density.py"


rule audit_density:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        detections=tables("detect"),
        synthetic=made("synthesize"),
        synthetic_pixels=made("synthesize", "zip"),
        labels=f"{RESULTS}/label_density/density_labels.parquet",
        truth=rendered_truth(),
    output:
        figures=f"{RESULTS}/audit_density/agreement.json",
        page=report(
            f"{RESULTS}/audit_density/density.html",
            caption="../workflow/report/density.rst",
            category="Data",
        ),
    log:
        f"{RESULTS}/logs/audit_density.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_density.tsv"
    priority: priority_of("audit_density")
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
    params:
        **stage_params("audit_density"),
    message:
        "audit_density: which labelling method tells the truth"
    script:
        "../workflow/scripts/audit_density.py"


rule convert_dataset:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        synthetic=made("synthesize"),
        synthetic_pixels=made("synthesize", "zip"),
        labels=f"{RESULTS}/label_density/density_labels.parquet",
    output:
        table=f"{RESULTS}/convert_dataset/dataset.parquet",
        dataset=converted(),
    log:
        f"{RESULTS}/logs/convert_dataset.log",
    benchmark:
        f"{RESULTS}/benchmarks/convert_dataset.tsv"
    conda:
        "../envs/core.yaml"
    threads: half_the_cores()
    resources:
        attempt=which_attempt,
    params:
        **stage_params("convert_dataset"),
    message:
        "convert_dataset: square images with density classes, for training GANs"
    script:
        "../workflow/scripts/convert_dataset.py"
