"""A detector of one's own: trained on annotated boxes, for stage detect to load."""


rule train_detector:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        base=model_file(CONFIG.train_detector.base) if CONFIG.train_detector.base else [],
    output:
        weights=f"{RESULTS}/train_detector/detector.pt",
        model=f"{RESULTS}/train_detector/detector.onnx",
        history=f"{RESULTS}/train_detector/history.jsonl",
        figures=f"{RESULTS}/train_detector/figures.json",
    log:
        f"{RESULTS}/logs/train_detector.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_detector.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 2
    resources:
        attempt=which_attempt,
        gpu=gpus("train_detector"),
    params:
        **stage_params("train_detector"),
    message:
        "train_detector: a person detector from annotated boxes"
    script:
        "../workflow/scripts/train_detector.py"
