"""The demo's diffusion pipelines: trained on rendered scenes, for stages remove and synthesize to load."""


rule train_demo_diffusion:
    output:
        inpaint=directory(f"{RESULTS}/train_demo_diffusion/inpaint"),
        text_to_image=directory(f"{RESULTS}/train_demo_diffusion/text_to_image"),
        history=f"{RESULTS}/train_demo_diffusion/history.jsonl",
        figures=f"{RESULTS}/train_demo_diffusion/figures.json",
    log:
        f"{RESULTS}/logs/train_demo_diffusion.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_demo_diffusion.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
        gpu=gpus("train_demo_diffusion"),
    params:
        **stage_params("train_demo_diffusion"),
    message:
        "train_demo_diffusion: small diffusion pipelines from rendered scenes"
    script:
        "../workflow/scripts/train_demo_diffusion.py"
