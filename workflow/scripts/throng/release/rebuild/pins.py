"""The model files that the user gave, found by the sha256 that the release pins; their names do not matter."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.diffusion.folder import CONFIG, INDEX, component_identity, identity
from throng.errors import ThrongError
from throng.files import sha256_file

NOT_GIVEN = "model not given"
NAMED = re.compile(r"(.+?) ([0-9a-f]{64})(?: |$)")


class Pins:
    """The given files and folders by what identifies each."""

    def __init__(self, given: Sequence[Path]) -> None:
        self._known: dict[str, Path] = {}
        for path in given:
            self._known[_identity(path)] = path

    def find(self, pin: Mapping[str, str]) -> Path | str:
        """Return the model of an identity (``file``, ``sha256``), or why there is none, as "short kind: detail"."""
        found = self._known.get(pin["sha256"])
        if found is not None:
            return found
        others = "".join(f"; {path} has {sha256}" for sha256, path in sorted(self._known.items()))
        return f"{NOT_GIVEN}: {pin['file']} with sha256 {pin['sha256']}; give it by --model{others}"


def of_pipeline(model: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    """Return the identities that a pipeline's footer names, by the name of the job's input that they were."""
    pins = {"model": [{"file": model["file"], "sha256": model["sha256"]}]}
    for name in ("controlnet", "loras"):
        found = NAMED.findall(model.get(name, ""))
        pins[name] = [{"file": file, "sha256": sha256} for file, sha256 in found]
    return {name: some for name, some in pins.items() if some}


def all_found(pins: Pins, wanted: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, list[Path]] | str:
    """Return the files of every input, or why one is not there."""
    files: dict[str, list[Path]] = {}
    for name, some in wanted.items():
        answers = [pins.find(pin) for pin in some]
        for answer in answers:
            if isinstance(answer, str):
                return answer
        files[name] = [answer for answer in answers if isinstance(answer, Path)]
    return files


def _identity(path: Path) -> str:
    folder = path.parent if path.name in (INDEX, CONFIG) else path
    if (folder / INDEX).is_file():
        return identity(folder)["sha256"]
    if (folder / CONFIG).is_file():
        return component_identity(folder)["sha256"]
    if path.is_file():
        return sha256_file(path)
    raise ThrongError(f"--model {path}: neither a file nor a folder with {INDEX} or {CONFIG}; name a model")


def named(section: Mapping[str, Any], files: Mapping[str, Sequence[Path]], device: str) -> dict[str, Any]:
    """Return a recorded section with the keys that say where its models are and what they run on, which it lacks."""
    whole = dict(section)
    if "model" in files:
        whole |= {"model": str(files["model"][0]), "device": device}
    if "loras" in files:
        both = zip(section["loras"], files["loras"], strict=True)
        whole["loras"] = [{**lora, "path": str(path)} for lora, path in both]
    if "controlnet" in files:
        whole["layout"] = {**section["layout"], "model": str(files["controlnet"][0])}
    return whole
