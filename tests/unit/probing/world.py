"""A folder of dotted photographs and synthesised images whose dots are their people, networks, and stage probe."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.rows import synthetic_row
from tests.unit.synthesizers.drawn import image_row
from throng.counting.learning_to_count.networks import counting_network, save_counting
from throng.encoders.files import save_network
from throng.encoders.registry import build_encoder
from throng.images import encode_png, pack_zip
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.sections.probe import Probe
from throng.stage import Context, Files
from throng.stages import probe
from throng.tables.images import TABLE as IMAGES
from throng.tables.images import ImageRow
from throng.tables.synthetic import TABLE as SYNTHETIC
from throng.tables.synthetic import SyntheticRow

SHAPE = (48, 64)
RECIPE = {"options": {"crop": [32, 32], "grid": [2, 2]}}
SECTION: dict[str, Any] = {
    "classes": {"pictures": 20, "validation": 20, "side": 40, "crop": 32, "views": 1, "epochs": 1},
    "people": {"size": SHAPE, "fewest": 4, "folds": 3},
    "leak": {"pictures": 4},
}


def dotted(count: int, rng: np.random.Generator) -> bytes:
    """A dark picture with one bright dot per person."""
    pixels = rng.integers(40, 60, (*SHAPE, 3), np.uint8)
    cells = rng.permutation(48)[:count]
    for cell in cells:
        y, x = 8 * (cell // 8), 8 * (cell % 8)
        pixels[y + 2 : y + 6, x + 2 : x + 6] = 250
    return encode_png(pixels)


class World:
    """The stage's inputs below ``root``; take rows away and call ``write`` to spoil them."""

    def __init__(self, root: Path) -> None:
        self.root, self.networks, self.rankers = root, list[Path](), list[Path]()
        rng = np.random.default_rng(0)
        self.photographs: list[ImageRow] = []
        for number in range(30):
            split = ("train", "train", "val", "test")[number % 4] if number else "train"
            count = int(rng.integers(0, 30))
            (root / f"{number}.png").write_bytes(dotted(count, rng))
            row = image_row(f"i{number:02}", "town", f"{number}.png", SHAPE, split, count=count, points=[])
            self.photographs.append(row)
        self.synthetic: list[SyntheticRow] = []
        members: dict[str, bytes] = {}
        for number in range(12):
            count = int(rng.integers(0, 30))
            members[f"s{number:02}.jpg"] = dotted(count, rng)
            row = synthetic_row(id=f"s{number:02}", count=count, points=None, scene=f"scene-{number // 2}")
            self.synthetic.append(row)
        pack_zip(root / "synthesize/composite/part-000-of-001.zip", members)
        self.write()

    def write(self) -> None:
        write_table(self.root / "images.parquet", IMAGES, self.photographs, Provenance("ingest", {"ingest": {}}, "", 0))
        footer = Provenance("synthesize", {"synthesize": {}}, "", 0)
        write_table(self.root / "synthetic.parquet", SYNTHETIC, self.synthetic, footer)

    def network(self, name: str = "pretext", run: str = "seed-1", *, dead: bool = False, seed: int = 7) -> Path:
        torch.manual_seed(seed)
        network = counting_network("small", (16, 16), units=6, options={"width": 2})
        if dead:
            for parameter in network.head.parameters():
                parameter.data.zero_()
        path = self.root / name / run / "network.safetensors"
        save_counting(path, network, RECIPE)
        self.networks.append(path)
        return path

    def ranker(self, name: str = "synthetic", run: str = "seed-1") -> Path:
        torch.manual_seed(8)
        path = self.root / name / run / "ranker.safetensors"
        save_network(path, build_encoder("small", width=3), kind="ranker", recipe={})
        self.rankers.append(path)
        return path

    def run(self, out: str = "out", **section: Any) -> dict[str, Any]:
        """Run the stage and return its record."""
        folder = self.root / out
        inputs = {
            "images": [str(self.root / "images.parquet")],
            "synthetic": [str(self.root / "synthetic.parquet")],
            "networks": [str(path) for path in self.networks],
            "rankers": [str(path) for path in self.rankers],
        }
        outputs = {
            "probe": [str(folder / "probe.json")],
            "figure": [str(folder / "probe.png")],
            "leak": [str(folder / "leak.png")],
        }
        config = Probe.model_validate(SECTION | section)
        roots = {"town": self.root, "results": self.root}
        context = Context("probe", 0, 1, {}, roots, {"probe": {}, "seed": 0}, "", {})
        probe.run(Files(inputs), Files(outputs), config, context)
        return json.loads((folder / "probe.json").read_text())
