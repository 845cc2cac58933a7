"""Which model files, and so which GPUs, the jobs of a stage need."""

import os


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
