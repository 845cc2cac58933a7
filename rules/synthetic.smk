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
