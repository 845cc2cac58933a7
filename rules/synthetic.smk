"""Images with a requested number of people, and how crowded every image is."""


rule prompt:
    output:
        prompts=f"{RESULTS}/prompt/prompts.parquet",
    log:
        f"{RESULTS}/logs/prompt.log",
    benchmark:
        f"{RESULTS}/benchmarks/prompt.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    params:
        **stage_params("prompt"),
    message:
        "prompt: the images to ask for"
    script:
        "../workflow/scripts/prompt.py"


rule synthesize:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        detections=tables("detect"),
        removals=tables("remove"),
        removed_pixels=pixels("remove"),
        prompts=f"{RESULTS}/prompt/prompts.parquet",
    output:
        table=f"{RESULTS}/synthesize/{{part}}.parquet",
        pixels=f"{RESULTS}/synthesize/{{part}}.zip",
    log:
        f"{RESULTS}/logs/synthesize/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/synthesize/{{part}}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 1
    params:
        **stage_params("synthesize"),
    message:
        "synthesize: images with a requested count, {wildcards.part}"
    script:
        "../workflow/scripts/synthesize.py"


rule label_density:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        synthetic=tables("synthesize"),
    output:
        table=f"{RESULTS}/label_density/density_labels.parquet",
    log:
        f"{RESULTS}/logs/label_density.log",
    benchmark:
        f"{RESULTS}/benchmarks/label_density.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    params:
        **stage_params("label_density"),
    message:
        "label_density: how crowded every image is"
    script:
        "../workflow/scripts/label_density.py"
