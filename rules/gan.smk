"""Generators of crowds: trained on density labels, measured, and drawn from."""


rule train_gan:
    input:
        unpack(gan_data),
        start=lambda wildcards: GAN_STARTS[wildcards.gan],
    output:
        generator=f"{RESULTS}/train_gan/{{gan}}/{{run}}/generator.safetensors",
        discriminator=f"{RESULTS}/train_gan/{{gan}}/{{run}}/discriminator.safetensors",
        recipe=f"{RESULTS}/train_gan/{{gan}}/{{run}}/generator.json",
        history=f"{RESULTS}/train_gan/{{gan}}/{{run}}/history.jsonl",
        stats=f"{RESULTS}/train_gan/{{gan}}/{{run}}/stats.jsonl",
        reals=f"{RESULTS}/train_gan/{{gan}}/{{run}}/reals.png",
        fakes=f"{RESULTS}/train_gan/{{gan}}/{{run}}/fakes.png",
        snapshots=directory(f"{RESULTS}/train_gan/{{gan}}/{{run}}/snapshots"),
    log:
        f"{RESULTS}/logs/train_gan/{{gan}}/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_gan/{{gan}}/{{run}}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: lambda wildcards: max(2, GANS[wildcards.gan].processes)
    resources:
        **where(lambda wildcards: GANS[wildcards.gan]),
        attempt=which_attempt,
    params:
        **stage_params("train_gan"),
    message:
        "train_gan: a generator that heeds a density, {wildcards.gan} {wildcards.run}"
    script:
        "../workflow/scripts/train_gan.py"


rule evaluate_gan:
    input:
        unpack(gan_data),
        unpack(gan_judges),
        generator=f"{RESULTS}/train_gan/{{gan}}/{{run}}/generator.safetensors",
        history=f"{RESULTS}/train_gan/{{gan}}/{{run}}/history.jsonl",
    output:
        metrics=f"{RESULTS}/evaluate_gan/{{gan}}/{{run}}/metrics.json",
        sheet=f"{RESULTS}/evaluate_gan/{{gan}}/{{run}}/sheet.png",
        sweep=f"{RESULTS}/evaluate_gan/{{gan}}/{{run}}/sweep.png",
        conditioning=f"{RESULTS}/evaluate_gan/{{gan}}/{{run}}/conditioning.png",
        neighbours=f"{RESULTS}/evaluate_gan/{{gan}}/{{run}}/neighbours.png",
        page=report(
            f"{RESULTS}/evaluate_gan/{{gan}}/{{run}}/gan.html",
            caption="../workflow/report/gan.rst",
            category="Generators",
        ),
    log:
        f"{RESULTS}/logs/evaluate_gan/{{gan}}/{{run}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate_gan/{{gan}}/{{run}}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 2
    resources:
        attempt=which_attempt,
        gpu=on_gpus(CONFIG.evaluate_gan),
    params:
        **stage_params("evaluate_gan"),
    message:
        "evaluate_gan: is it good, its own, and as crowded as asked, {wildcards.gan} {wildcards.run}"
    script:
        "../workflow/scripts/evaluate_gan.py"


rule sample_gan:
    input:
        generator=lambda wildcards: SAMPLER_GENERATORS[wildcards.sampler],
    output:
        table=f"{RESULTS}/sample_gan/{{sampler}}/{{part}}.parquet",
        pixels=f"{RESULTS}/sample_gan/{{sampler}}/{{part}}.zip",
    log:
        f"{RESULTS}/logs/sample_gan/{{sampler}}/{{part}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/sample_gan/{{sampler}}/{{part}}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 1
    resources:
        attempt=which_attempt,
        gpu=lambda wildcards: on_gpus(SAMPLERS[wildcards.sampler]),
    params:
        **stage_params("sample_gan"),
    message:
        "sample_gan: images with a requested density, {wildcards.sampler}, {wildcards.part}"
    script:
        "../workflow/scripts/sample_gan.py"
