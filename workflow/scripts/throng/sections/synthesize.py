"""Section ``synthesize``: images with a requested number of people."""

from typing import Literal

from throng.sections.base import Section, setting

MODULES = {"composite": "throng.synthesizers.composite"}


class Composite(Section):
    """Pastes pedestrian cut-outs onto emptied backgrounds, perspective-true, occluding by depth: counts are exact."""

    backend: Literal["composite"] = "composite"
    chunks: int = setting(2, "jobs that the prompts are divided into", ge=1, le=1000)
    min_cutout_height: int = setting(40, "least height of a person worth cutting out, pixels", ge=16)
    max_cutouts: int = setting(400, "cut-outs in the library, chosen by hash", ge=1)
    max_backgrounds: int = setting(64, "backgrounds; those of which least had to be painted anew are taken", ge=1)
    min_visible: float = setting(0.3, "least visible share of a pasted person; others are placed anew", ge=0, lt=1)
    jpeg_quality: int = setting(92, "JPEG quality of the images", ge=50, le=100)


Synthesize = Composite


def chosen_modules(section: Synthesize) -> tuple[str, ...]:
    """Return the module of the chosen backend, the only one whose edits rerun the stage."""
    return (MODULES[section.backend],)
