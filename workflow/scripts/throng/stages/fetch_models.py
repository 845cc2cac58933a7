"""Stage ``fetch_models``: one pinned model file from a hub. The only code that goes to the network."""

import os
import shutil
from pathlib import Path

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.sections.fetch_models import FetchModels, HubFile
from throng.stage import Context, Files


def run(inputs: Files, outputs: Files, config: FetchModels, context: Context) -> None:
    """Download the file ``context.wildcards["file"]`` of the model pinned as ``["name"]``.

    Raises ThrongError when it cannot be had, or unless its sha256 is the pinned.
    """
    del inputs
    output = outputs.one("model")
    pinned = _pinned(config, context.wildcards["name"], context.wildcards["file"])
    scratch = output.parent / f".{output.name}.download"  # kept on failure, so that a large file is taken up again
    fetched = _download(pinned, scratch)
    found = sha256_file(fetched)
    if found != pinned.sha256:
        shutil.rmtree(scratch)
        raise ThrongError(
            f"fetch_models: {pinned.file} of {pinned.repo} at {pinned.revision} has sha256 {found}, pinned is "
            f"{pinned.sha256}; check where it comes from, then correct the pin"
        )
    fetched.replace(output)
    shutil.rmtree(scratch)


def _pinned(config: FetchModels, name: str, file: str) -> HubFile:
    if name in config.models:
        return config.models[name]
    folder = config.folders[name]
    return HubFile(repo=folder.repo, file=file, revision=folder.revision, sha256=folder.files[file])


def _download(pinned: HubFile, scratch: Path) -> Path:
    os.environ["HF_HUB_OFFLINE"] = "0"  # every other job is offline; read when the client is imported
    from huggingface_hub import hf_hub_download

    endpoint = os.environ.get("HF_ENDPOINT")
    try:
        fetched = hf_hub_download(
            pinned.repo, pinned.file, revision=pinned.revision, local_dir=scratch, endpoint=endpoint
        )
    except Exception as error:  # the client's many kinds of refusal all mean that the file cannot be had
        raise ThrongError(
            f"fetch_models: {pinned.file} of {pinned.repo} at {pinned.revision} cannot be downloaded: "
            f"{str(error).strip().splitlines()[0]}"
        ) from error
    return Path(fetched)
