"""Section ``synthesize``: images with a requested number of people."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from throng.sections.base import Section, named_apart, setting
from throng.sections.pipelines import Drawing, UnderControl

MODULES = {
    "composite": "throng.synthesizers.composite",
    "diffusers": "throng.synthesizers.diffusers",
    "rendered": "throng.synthesizers.rendered",
}
CHOOSING = frozenset({"chunks", "counts", "densities", "templates"})  # keys that say which rows are made, not how


class Making(Section):
    """What every backend shares."""

    NEEDS_MATERIAL: ClassVar[bool] = False  # photographs, whose pixels are then in the images

    name: str = setting(
        ...,
        "what this maker is called in tables and folders: small letters, digits, -",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
    )
    chunks: int = setting(2, "jobs that the prompts are divided into", ge=1, le=100_000)
    counts: list[Annotated[int, Field(ge=0)]] | None = setting(
        None, "requested counts that it makes images for; null: all, []: none"
    )
    densities: list[Literal["none", "sparse", "dense"]] | None = setting(
        None, "requested densities that it makes images for; null: all, []: none"
    )
    templates: list[str] | None = setting(
        None, "prompt templates that it makes images for, file: your own prompts; null: all", min_length=1
    )
    jpeg_quality: int = setting(92, "JPEG quality of the images", ge=50, le=100)

    def wants(self, count: int | None, density: str, template: str) -> bool:
        """Tell whether it makes an image of a prompt for that count, or for that density where count is None."""
        asked, among = (density, self.densities) if count is None else (count, self.counts)
        return (among is None or asked in among) and (self.templates is None or template in self.templates)


class Gathering(Section):
    """What decides of which photographs, cut-outs and places composites are made; all jobs of a maker share them."""

    sources: list[str] | None = setting(
        None,
        "sources whose photographs it is made of: of sources that may be passed on alone, images may be passed on; "
        "null: all",
        min_length=1,
    )
    min_cutout_height: int = setting(40, "least height of a person worth cutting out, pixels", ge=16)
    max_cutouts: int = setting(1000, "cut-outs in the library, chosen by hash", ge=1)
    backgrounds: Literal["emptied", "rendered", "both"] = setting(
        "emptied", "what people are pasted on: photographs without their people, rendered streets, or either"
    )
    max_backgrounds: int = setting(
        64, "backgrounds of each kind; of photographs, those of which least had to be painted anew", ge=1
    )
    max_painted: float = setting(
        0.6, "a photograph of which more than this share was painted anew is no background", ge=0, le=1
    )
    refill: list[str] = setting(
        ["opencv"],
        "removers whose fillings are smooth where the ground is not: they are filled again with patches from elsewhere "
        "in the photograph, as is whatever a remover left over",
    )


class Composite(Gathering, Making):
    """Pastes pedestrian cut-outs onto emptied backgrounds, perspective-true, occluding by depth: counts are exact."""

    NEEDS_MATERIAL: ClassVar[bool] = True

    backend: Literal["composite"] = "composite"
    repeat_cutouts: bool = setting(
        False,
        "false: nobody stands twice in a scene, and prompts for which the library is too small are rejected; true: "
        "where nobody fresh is large enough people come again, mirrored the other way round and in other colours",
    )
    street_size: tuple[Annotated[int, Field(ge=64)], Annotated[int, Field(ge=64)]] = setting(
        (1024, 768), "width and height of rendered streets, pixels"
    )
    min_visible: float = setting(0.3, "least visible share of a pasted person; others are placed anew", ge=0, lt=1)

    @property
    def gathering(self) -> Gathering:
        """Return the part that decides what it is made of."""
        return Gathering(**{name: getattr(self, name) for name in Gathering.model_fields})


class Rendered(Making):
    """Renders scenes of people: exact counts, points, boxes and masks at any density, without any photograph."""

    backend: Literal["rendered"] = "rendered"
    width: int = setting(1024, "image width, pixels", ge=64, le=8192)
    height: int = setting(768, "image height, pixels", ge=64, le=8192)


class Diffusers(Drawing, Making):
    """Draws every prompt with a text-to-image model; how many people it draws, nobody knows until they are counted."""

    backend: Literal["diffusers"] = "diffusers"
    licence: str = setting(
        ..., "terms of what the model draws, as its licence has them; recorded with every image", min_length=1
    )
    redistributable: bool = setting(False, "whether those terms allow passing the images on; release refuses others")


Maker = Annotated[Composite | Diffusers | Rendered, Field(discriminator="backend")]

MAKERS: list[Maker] = [Composite(name="composite")]


class Synthesize(Section):
    """The makers of synthetic images; each makes its own image of every prompt that it is meant for."""

    makers: Annotated[list[Maker], AfterValidator(named_apart)] = setting(
        MAKERS, "the makers; an overlay's list replaces this one whole", min_length=1
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Maker:
        """Return the maker of one job, all that the job depends on."""
        (maker,) = [maker for maker in self.makers if maker.name == wildcards["maker"]]
        return maker


def chosen_modules(section: Maker) -> tuple[str, ...]:
    """Return the module of the maker's backend, the only one whose edits rerun its jobs."""
    return (MODULES[section.backend],)


def models_of(section: Maker) -> dict[str, list[str]]:
    """Return the references of the models that a maker runs, by the name of its job's input, in the section's order."""
    if not isinstance(section, Diffusers):
        return {}
    controlnet = [section.layout.model] if isinstance(section.layout, UnderControl) else []
    return {"model": [section.model], "controlnet": controlnet, "loras": [lora.path for lora in section.loras]}
