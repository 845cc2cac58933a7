"""Images with a requested number of people, and how crowded every image is."""


rule prompt:
    input:
        own=data_file(CONFIG.prompt.own) if CONFIG.prompt.own else [],
    output:
        prompts=f"{RESULTS}/prompt/prompts.parquet",
    log:
        f"{RESULTS}/logs/prompt.log",
    benchmark:
        f"{RESULTS}/benchmarks/prompt.tsv"
    conda:
        "../envs/core.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
    params:
        **stage_params("prompt"),
    message:
        "prompt: the images to ask for"
    script:
        "../workflow/scripts/prompt.py"


rule gather_material:
    input:
        images=f"{RESULTS}/ingest/images.parquet",
        detections=tables("detect"),
        removals=tables("remove"),
        removed_pixels=pixels("remove"),
    output:
        material=f"{RESULTS}/gather_material/{{maker}}/material.json",
        pixels=f"{RESULTS}/gather_material/{{maker}}/material.zip",
    log:
        f"{RESULTS}/logs/gather_material/{{maker}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/gather_material/{{maker}}.tsv"
    priority: priority_of("gather_material")
    conda:
        "../envs/core.yaml"
    threads: half_the_cores()
    resources:
        attempt=which_attempt,
    params:
        **stage_params("gather_material"),
    message:
        "gather_material: cut-outs and places without people, {wildcards.maker}"
    script:
        "../workflow/scripts/gather_material.py"


rule synthesize:
    input:
        unpack(of_maker),
        prompts=f"{RESULTS}/prompt/prompts.parquet",
    output:
        table=f"{RESULTS}/synthesize/{{maker}}/{{part}}.parquet",
        pixels=f"{RESULTS}/synthesize/{{maker}}/{{part}}.zip",
    log:
        f"{RESULTS}/logs/synthesize/{{maker}}/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/synthesize/{{maker}}/{{part}}.tsv"
    priority: priority_of("synthesize")
    conda:
        "../envs/gpu.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
        gpu=lambda wildcards: MAKER_GPUS[wildcards.maker],
    params:
        **stage_params("synthesize"),
    message:
        "synthesize: images with a requested count, {wildcards.maker}, {wildcards.part}"
    script:
        "../workflow/scripts/synthesize.py"
