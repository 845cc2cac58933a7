"""Tiny generators in files, untrained, for tests of what is done with generators."""

from pathlib import Path
from typing import Any

import torch

from throng.gan.files import save_generator
from throng.gan.labels import Encoding, Fourier, OneHot, Unlabelled, Vector
from throng.gan.r3gan import Generator as R3Gan
from throng.gan.stylegan3 import Generator as StyleGan3

NAMES = ["few", "some", "many"]
RESOLUTION = 16
SMALL: dict[str, Any] = {"cbase": 256, "cmax": 8, "z_dim": 8, "w_dim": 8, "layers": 4}


def saved(
    path: Path, encoding: Encoding | None = None, *, name: str = "stylegan3", damage: bool = False, **recipe: Any
) -> Path:
    """Save an untrained generator of 16 x 16 pixels that heeds three classes, or what ``encoding`` says."""
    encoding = encoding or OneHot(3)
    torch.manual_seed(5)
    if name == "stylegan3":
        generator: Any = StyleGan3("t", RESOLUTION, c_dim=encoding.dim, **SMALL)
    else:
        generator = R3Gan(RESOLUTION, c_dim=encoding.dim, z_dim=8, widths=(8, 8, 8), blocks=1, groups=1, label_dim=4)
    if damage:
        with torch.no_grad():
            next(generator.to_rgb.parameters()).fill_(float("nan"))
    card = {
        "gan": "crowds",
        "run": "seed-1",
        "kimg": 1.5,
        "seed": 1,
        "licence": "CC0-1.0",
        "redistributable": True,
        "config_hash": "c0ffee",
        "classes": NAMES if isinstance(encoding, OneHot) else [],
        "label_counts": {"0": 8, "1": 0, "2": 2} if isinstance(encoding, OneHot) else {},
        "label_sample": [0.0, 1.0, 3.0, 9.0] if isinstance(encoding, Fourier) else [],
    }
    save_generator(path, generator, encoding=encoding, recipe=card | recipe)
    return path


ENCODINGS: dict[str, Encoding] = {
    "class": OneHot(3),
    "score": Fourier((0.0, 1.0, 9.0)),
    "vector": Vector(2),
    "none": Unlabelled(),
}
