"""Section ``fetch_models``: models pinned on a hub."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from throng.sections.base import Section, setting

# no step up, no hidden part, nothing absolute: the file is written below the model's own folder
RelativePath = Annotated[str, Field(pattern=r"^[\w-][\w.-]*(/[\w-][\w.-]*)*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class HubFile(Section):
    """One file of a Hugging Face repository, pinned to a commit and a checksum."""

    repo: str = setting(..., "repository id, owner/name", pattern=r"^[\w.-]+/[\w.-]+$")
    file: str = setting(..., "file in the repository")
    revision: str = setting(..., "full commit hash", pattern=r"^[0-9a-f]{40}$")
    sha256: str = setting(..., "sha256 of the file", pattern=r"^[0-9a-f]{64}$")


class HubFolder(Section):
    """Some files of a Hugging Face repository, as a diffusers pipeline's, each pinned to the commit and a checksum."""

    repo: str = setting(..., "repository id, owner/name", pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str = setting(..., "full commit hash", pattern=r"^[0-9a-f]{40}$")
    files: dict[RelativePath, Sha256] = setting(
        ..., "sha256 of each file that is fetched, by its path in the repository", min_length=1
    )


class FetchModels(Section):
    """Models that other sections name as ``hub:<name>``; only the rule fetch_models uses the network."""

    models: dict[str, HubFile] = setting({}, "pinned files by the name that other sections use")
    folders: dict[str, HubFolder] = setting({}, "pinned folders by the name that other sections use")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if both := sorted(self.models.keys() & self.folders.keys()):
            raise ValueError(f"models and folders both have {', '.join(both)}; give one of the two another name")
        return self
