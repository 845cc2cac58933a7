"""Which model files, and so which GPUs, the jobs of a stage need."""

import os

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
    """Return the path of a model: the user's own, ``hub:<name>`` of fetch_models, ``trained`` by train_detector, or
    where the section names none, the one that is shipped.
    """
    if reference is None:
        return shipped_detector()
    if reference == TRAINED:
        return f"{RESULTS}/train_detector/detector.onnx"
    if not reference.startswith(HUB):
        return data_file(reference)
    name = reference.removeprefix(HUB)
    files, folders = CONFIG.fetch_models.models, CONFIG.fetch_models.folders
    if name in folders:  # the index first: it is what the stage is given
        ordered = sorted(folders[name].files, key=lambda file: (file != "model_index.json", file))
        return [f"resources/models/{name}/{file}" for file in ordered]
    if name not in files:
        known = ", ".join(sorted([*files, *folders])) or "none"
        raise WorkflowError(f"{reference!r} is not pinned in fetch_models (pinned: {known}); add it there")
    return f"resources/models/{name}/{Path(files[name].file).name}"


def shipped_detector():
    """Return the detector that knows rendered people, and nobody else."""
    foreign = [name for name, root in ROOTS.items() if name != "results" and not root.is_relative_to(RENDERED)]
    if foreign:
        raise WorkflowError(
            f"the detector shipped with throng knows rendered people only, but {', '.join(foreign)} is something else; "
            f"name a detector: detect.model, and remove.check.detectors if there is a check"
        )
    shipped = Path(workflow.basedir) / "models" / "rendered_people" / "detector.onnx"
    return os.path.relpath(shipped)  # a clone elsewhere, with the results moved in, must name the same file


def maker_inputs(maker):
    """Return what a maker of synthetic images reads beside its prompts: photographs, or models."""
    if maker.NEEDS_MATERIAL:
        return {
            "images": f"{RESULTS}/ingest/images.parquet",
            "detections": tables("detect"),
            "removals": tables("remove"),
            "removed_pixels": pixels("remove"),
        }
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
