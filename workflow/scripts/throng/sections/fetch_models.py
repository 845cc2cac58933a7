"""Section ``fetch_models``: model files pinned on a hub."""

from throng.sections.base import Section, setting


class HubFile(Section):
    """One file of a Hugging Face repository, pinned to a commit and a checksum."""

    repo: str = setting(..., "repository id, owner/name", pattern=r"^[\w.-]+/[\w.-]+$")
    file: str = setting(..., "file in the repository")
    revision: str = setting(..., "full commit hash", pattern=r"^[0-9a-f]{40}$")
    sha256: str = setting(..., "sha256 of the file", pattern=r"^[0-9a-f]{64}$")


class FetchModels(Section):
    """Model files that other sections name as ``hub:<name>``; only the rule fetch_models uses the network."""

    models: dict[str, HubFile] = setting({}, "pinned files by the name that other sections use")
