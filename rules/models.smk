"""Which model files, and so which GPUs, the jobs of a stage need."""

import os

from throng.sections.base import run_names
from throng.sections.synthesize import models_of


def checkers(stage):
    """Return the detectors that check what a stage made."""
    check = getattr(getattr(CONFIG, stage), "check", None)
    return check.detectors if check else []


def gpus(stage):
    """Return how many GPUs a job of a stage asks for: one where its section names a CUDA device."""
    sections = [getattr(CONFIG, stage), *checkers(stage)]
    return int(any(getattr(section, "device", "cpu").startswith("cuda") for section in sections))


def own_model(stage):
    """Return the model that a stage's section names, none where its backend has none."""
    section = getattr(CONFIG, stage)
    return model_file(section.model) if hasattr(section, "model") else []


def check_models(stage):
    """Return the models of the detectors that check what a stage made, in their order."""
    return [model_file(detector.model) for detector in checkers(stage)]


def model_file(reference):
    """Return the path of a model, or the files of a folder, its index first.

    The user's own, ``hub:<name>`` of fetch_models, ``throng:<folder>`` that is shipped, ``trained`` by train_detector,
    ``trained:inpaint`` and ``trained:text_to_image`` by train_demo_diffusion; None is the detector that is shipped.
    """
    if reference is None:
        return shipped_detector()
    if reference == TRAINED:
        return f"{RESULTS}/train_detector/detector.onnx"
    if reference.startswith(f"{TRAINED}:"):
        return trained_pipeline(reference.removeprefix(f"{TRAINED}:"))
    if reference.startswith(SHIPPED):
        return shipped_folder(reference.removeprefix(SHIPPED))
    if not reference.startswith(HUB):
        return data_file(reference)
    name = reference.removeprefix(HUB)
    files, folders = CONFIG.fetch_models.models, CONFIG.fetch_models.folders
    if name in folders:  # the index first: it is what the stage is given
        return [f"resources/models/{name}/{file}" for file in index_first(folders[name].files)]
    if name not in files:
        known = ", ".join(sorted([*files, *folders])) or "none"
        raise WorkflowError(f"{reference!r} is not pinned in fetch_models (pinned: {known}); add it there")
    return f"resources/models/{name}/{Path(files[name].file).name}"


def index_first(files):
    """Return the files of a pipeline in the order in which a stage is given them."""
    return sorted(files, key=lambda file: (file != "model_index.json", file))


def trained_pipeline(name):
    """Return the folder of a pipeline that train_demo_diffusion makes."""
    made_there = ("inpaint", "text_to_image")
    if name not in made_there:
        raise WorkflowError(f"trained:{name} is none of {', '.join(f'trained:{one}' for one in made_there)}")
    return f"{RESULTS}/train_demo_diffusion/{name}"


def shipped_folder(name):
    """Return the files of a model folder that comes with throng."""
    folder = Path(workflow.basedir) / "models" / name
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    if "model_index.json" not in files:
        models = Path(workflow.basedir) / "models"
        known = sorted(path.parent.relative_to(models).as_posix() for path in models.rglob("model_index.json"))
        raise WorkflowError(f"throng:{name} is no model that comes with throng; there are {', '.join(known) or 'none'}")
    return [local(os.path.relpath(folder / file)) for file in index_first(files)]


def shipped_detector():
    """Return the detector that knows rendered people, and nobody else."""
    foreign = [name for name, root in ROOTS.items() if name != "results" and not root.is_relative_to(RENDERED)]
    if foreign:
        raise WorkflowError(
            f"the detector shipped with throng knows rendered people only, but {', '.join(foreign)} is something else; "
            f"name a detector: detect.model, and remove.check.detectors if there is a check"
        )
    shipped = Path(workflow.basedir) / "models" / "rendered_people" / "detector.onnx"
    return local(os.path.relpath(shipped))  # a clone elsewhere, with the results moved in, must name the same file


def maker_inputs(maker):
    """Return what a maker of synthetic images reads beside its prompts: what was gathered for it, or models."""
    if maker.NEEDS_MATERIAL:
        gathered = f"{RESULTS}/gather_material/{maker.name}/material"
        return {"material": f"{gathered}.json", "material_pixels": f"{gathered}.zip"}
    return {name: flat(map(model_file, references)) for name, references in models_of(maker).items()}


def flat(found):
    """Return the files of several models in one list."""
    return [file for files in found for file in ([files] if isinstance(files, str) else files)]


# made while parsing: an input function that fails would make Snakemake take existing results for good
MAKER_INPUTS = {maker.name: maker_inputs(maker) for maker in CONFIG.synthesize.makers}
MAKER_GPUS = {maker.name: int(getattr(maker, "device", "cpu").startswith("cuda")) for maker in CONFIG.synthesize.makers}


def of_maker(wildcards):
    """Return what a job of stage synthesize reads beside its prompts."""
    return MAKER_INPUTS[wildcards.maker]


def counting_files():
    """Return what stage count_synthetic looks with, by the names of its inputs: the models that its section names."""
    section = CONFIG.count_synthetic
    detector = getattr(section.detector, "model", ())
    features = getattr(section.features, "model", ())
    return {
        "model": [] if detector == () else model_file(detector),
        "counter": data_file(section.counter.weights) if section.counter else [],
        "features_model": [] if features == () else model_file(features),
    }


def counting_gpus():
    """Return how many GPUs a job of count_synthetic asks for: one where it, or its detector, names a CUDA device."""
    section = CONFIG.count_synthetic
    devices = [section.device, getattr(section.detector, "device", "cpu")]
    return int(any(device.startswith("cuda") for device in devices))


def synthetic_files():
    """Return the tables and the pixels of synthesised images."""
    return {"synthetic": made("synthesize"), "synthetic_pixels": made("synthesize", "zip")}


COUNTERS = {counter.name: counter for counter in CONFIG.train_counter.counters}
BACKBONES = {name: model_file(counter.weights) if counter.weights else [] for name, counter in COUNTERS.items()}


def learnt_from(wildcards):
    """Return the tables, and their pixels, that a counter learns from beside the photographs."""
    counter = COUNTERS[wildcards.counter]
    data = counter.data
    found = {}
    if data.detected or counter.validation == "detected":
        found["detections"] = tables("detect")
    if data.synthetic:
        found |= synthetic_files()
        found["calibrated"] = f"{RESULTS}/calibrate_counts/calibrated_counts.parquet"
    if data.pairs:
        found["pairs"] = f"{RESULTS}/rank_pairs/ranked_pairs.parquet"
        found["removed_pixels"] = pixels("remove")
    return found


def on_gpus(section):
    """Return how many GPUs the training of one network asks for: one per process where it names a CUDA device."""
    return getattr(section, "processes", 1) if section.device.startswith("cuda") else 0


def where(section_of):
    """Return the resources of a training that several processes on several nodes may share; one is absent where None.

    On several nodes `gres` is the GPUs of each, for `gpu` would be those of all and might be shared out unevenly; `mpi`
    keeps the plugin from a job step of its own on one node, since the script starts one on all of them; and without
    tasks_per_gpu=0 the plugin would ask for `tasks` per GPU.
    """

    def spread(value):
        return lambda wildcards: value(section_of(wildcards)) if section_of(wildcards).nodes > 1 else None

    def gpu(wildcards):
        return on_gpus(section_of(wildcards)) if section_of(wildcards).nodes == 1 else 0

    return {
        "gpu": gpu,
        "nodes": spread(lambda section: section.nodes),
        "tasks": spread(lambda section: section.nodes),
        "mpi": spread(lambda section: "srun"),
        "gres": spread(lambda section: f"gpu:{on_gpus(section)}" if on_gpus(section) else None),
        "tasks_per_gpu": spread(lambda section: 0 if on_gpus(section) else None),
    }


def trained_files(name):
    """Return one file of every run of every counter."""
    return [
        f"{RESULTS}/train_counter/{counter.name}/{run}/{name}"
        for counter in COUNTERS.values()
        for run in run_names(counter)
    ]


PRETEXTS = {network.name: network for network in CONFIG.pretrain_count.networks}
RANKERS = {encoder.name: encoder for encoder in CONFIG.pretrain_rank.encoders}
RANKER_WEIGHTS = {name: model_file(ranker.weights) if ranker.weights else [] for name, ranker in RANKERS.items()}
FITS = {fit.name: fit for fit in CONFIG.fit_counts.fits}


def looked_at(wildcards):
    """Return what a network of pretrain_count looks at beside the photographs."""
    return synthetic_files() if PRETEXTS[wildcards.network].pictures.synthetic else {}


def pretext_file(name, run):
    """Return the network that one run of pretrain_count makes."""
    return f"{RESULTS}/pretrain_count/{name}/{run}/network.safetensors"


def ranker_file(name, run):
    """Return the encoder that one run of pretrain_rank makes."""
    return f"{RESULTS}/pretrain_rank/{name}/{run}/ranker.safetensors"


def started_from(wildcards):
    """Return the network that an encoder starts from, none where it starts from weights or from scratch."""
    start = RANKERS[wildcards.ranker].start
    return pretext_file(start, wildcards.run) if start else []


def fitted_encoder(wildcards):
    """Return the file of the encoder whose features are fitted, none where it has learnt nothing."""
    kind, name = FITS[wildcards.fit].encoder.split(":")
    files = {"rank": ranker_file, "count": pretext_file}
    return files[kind](name, wildcards.run) if kind in files else []


def probed_networks():
    """Return every run of the networks that are probed."""
    return [pretext_file(name, run) for name in CONFIG.probe.networks for run in run_names(PRETEXTS[name])]


def probed_rankers():
    """Return every run of the encoders that are probed."""
    return [ranker_file(name, run) for name in CONFIG.probe.rankers for run in run_names(RANKERS[name])]


def ladder_fits():
    """Return every run of the fits that are rungs."""
    fits = [FITS[rung.fit] for rung in CONFIG.ladder.rungs if rung.kind == "fit"]
    return [f"{RESULTS}/fit_counts/{fit.name}/{run}/counter.safetensors" for fit in fits for run in run_names(fit)]


def ladder_counters():
    """Return every run of the counters that are rungs."""
    counters = [COUNTERS[rung.counter] for rung in CONFIG.ladder.rungs if rung.kind == "counter"]
    return [
        f"{RESULTS}/train_counter/{counter.name}/{run}/counter.safetensors"
        for counter in counters
        for run in run_names(counter)
    ]


def ladder_gpus():
    """Return how many GPUs the ladder asks for: one where it, or a detector that is a rung, names a CUDA device."""
    devices = [rung.detector.device for rung in CONFIG.ladder.rungs if rung.kind == "detector"]
    return int(any(device.startswith("cuda") for device in [CONFIG.ladder.device, *devices]))


def ladder_models():
    """Return the models of the detectors that are rungs, in their order."""
    return flat(model_file(rung.detector.model) for rung in CONFIG.ladder.rungs if rung.kind == "detector")


GANS = {gan.name: gan for gan in CONFIG.train_gan.gans}
SAMPLERS = {sampler.name: sampler for sampler in CONFIG.sample_gan.samplers}


def generator_file(reference):
    """Return the file of a generator: ``trained:`` by train_gan, ``throng:`` that is shipped, ``hub:``, or a path."""
    if reference.startswith(f"{TRAINED}:"):
        name = reference.removeprefix(f"{TRAINED}:")
        if name not in GANS:
            raise WorkflowError(f"{reference!r}: train_gan.gans has no {name!r}; there are {', '.join(GANS)}")
        return f"{RESULTS}/train_gan/{name}/seed-1/generator.safetensors"
    if reference.startswith(SHIPPED):
        name = reference.removeprefix(SHIPPED)
        models = Path(workflow.basedir) / "models"
        if not (models / name / "generator.safetensors").is_file():
            known = ", ".join(sorted(path.parent.name for path in models.glob("*/generator.safetensors"))) or "none"
            raise WorkflowError(f"{reference} is no generator that comes with throng; there are {known}")
        return local(os.path.relpath(models / name / "generator.safetensors"))
    return model_file(reference)


def gan_files(data):
    """Return what a generator learns from, by the names of the inputs."""
    if data.kind == "converted":
        return {"converted": f"{RESULTS}/convert_dataset/dataset.parquet", "dataset": str(converted())}
    if data.kind == "archive":
        return {"dataset": data_file(data.path)}
    return {
        "images": f"{RESULTS}/ingest/images.parquet",
        "labels": f"{RESULTS}/label_density/density_labels.parquet",
        **(synthetic_files() if "synthetic" in data.tables else {}),
    }


GAN_FILES = {name: gan_files(gan.data) for name, gan in GANS.items()}
GAN_STARTS = {name: generator_file(gan.start) if gan.start else [] for name, gan in GANS.items()}
SAMPLER_GENERATORS = {name: generator_file(sampler.generator) for name, sampler in SAMPLERS.items()}


def gan_data(wildcards):
    """Return the inputs of a generator's data."""
    return GAN_FILES[wildcards.gan]


def judge_files(judge):
    """Return the files of a judge: a counter's first run or a file of one, a detector's model, or none."""
    if judge.kind == "detector":
        return flat([model_file(judge.detector.model)])
    if judge.kind == "trained":
        return []
    if not judge.weights.startswith(f"{TRAINED}:"):
        return flat([model_file(judge.weights)])
    name = judge.weights.removeprefix(f"{TRAINED}:")
    if name not in COUNTERS:
        known = ", ".join(COUNTERS)
        raise WorkflowError(f"{judge.weights!r}: train_counter.counters has no {name!r}; there are {known}")
    return [f"{RESULTS}/train_counter/{name}/seed-1/counter.safetensors"]


def people_beside(files):
    """Return the table that tells how many people a generator's images show, where its data brings none."""
    known = "converted" in files and "labels" not in files
    return {"labels": f"{RESULTS}/label_density/density_labels.parquet"} if known else {}


JUDGES, EXTRACTORS = CONFIG.evaluate_gan.conditioning.judges, CONFIG.evaluate_gan.features
GAN_JUDGES = {
    **{f"judge_{n}": judge_files(judge) for n, judge in enumerate(JUDGES)},
    **{f"features_{n}": flat([model_file(one.path)]) for n, one in enumerate(EXTRACTORS) if one.path},
}


def gan_judges(wildcards):
    """Return the models that judge a generator's images beside its own training images, and those images' counts."""
    return GAN_JUDGES | people_beside(GAN_FILES[wildcards.gan])


def sampled(end="parquet"):
    """Return a file of every sampler and every part of its images."""
    return [
        f"{RESULTS}/sample_gan/{sampler.name}/{part_name(index, sampler.chunks)}.{end}"
        for sampler in SAMPLERS.values()
        for index in range(sampler.chunks)
    ]


def reported():
    """Return what the page shows that only some runs make, by the names of its inputs, for what section report names."""
    for key, names, known in (("gans", CONFIG.report.gans, GANS), ("rankers", CONFIG.report.rankers, RANKERS)):
        if strangers := sorted(set(names) - set(known)):
            there = ", ".join(known) or "none"
            raise WorkflowError(f"report.{key}: there is no {strangers[0]!r} in this configuration; there are {there}")
    gans = [f"{name}/{run}" for name in CONFIG.report.gans for run in run_names(GANS[name])]
    rankers = [f"{name}/{run}" for name in CONFIG.report.rankers for run in run_names(RANKERS[name])]
    pictures = ("sheet", "sweep", "conditioning", "neighbours")
    return {
        "history": [
            *trained_files("history.jsonl"),
            *(f"{RESULTS}/train_gan/{gan}/history.jsonl" for gan in gans),
            *(f"{RESULTS}/pretrain_rank/{ranker}/history.jsonl" for ranker in rankers),
        ],
        "gan_metrics": [f"{RESULTS}/evaluate_gan/{gan}/metrics.json" for gan in gans],
        "gan_pictures": [f"{RESULTS}/evaluate_gan/{gan}/{name}.png" for gan in gans for name in pictures],
        "ladder": [f"{RESULTS}/ladder/ladder.json"] if CONFIG.report.ladder else [],
        "ladder_figure": [f"{RESULTS}/ladder/ladder.png"] if CONFIG.report.ladder else [],
    }


REPORTED = reported()


def own_file(path):
    """Return a file of the user's that a section names, none where it names none."""
    return data_file(path) if path else []


def previous_release():
    """Return index and records of the release that the version of this one is held against."""
    folder = CONFIG.release.previous
    return [data_file(f"{folder}/{name}") for name in ("index.json", "records.parquet")] if folder else []


def known_test_sets():
    """Return the folders of the known test sets that no released image may show again."""
    folders = [data_file(one.folder) for one in CONFIG.audit_leakage.test_sets]
    if missing := [folder for folder in folders if not Path(folder).exists()]:
        raise WorkflowError(
            f"audit_leakage.test_sets: {', '.join(missing)} not found; set data_root (or the environment variable "
            f"THRONG_DATA) to the folder that holds it, or correct the set's folder"
        )
    return folders


def leakage_encoder():
    """Return the file of the network whose features find near copies, none where there is none."""
    encoder = CONFIG.audit_leakage.encoder
    return model_file(encoder) if encoder else []
