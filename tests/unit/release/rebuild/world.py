"""A small real run, stage by stage as jobs run them, whose photographs nobody may pass on: its release has recipes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from pydantic import TypeAdapter

from tests.rows import calibrated_row
from tests.unit.synthesizers.drawn import FEET, PLANE, draw_person, ground_colour
from throng.chunks import part_name
from throng.files import sha256_file
from throng.images import encode_png
from throng.manifest import OK, read_rows, write_table
from throng.provenance import Provenance
from throng.sections.base import of_job, output_slice
from throng.sections.detectors import Annotations
from throng.sections.ingest import Ingest
from throng.sections.label_density import LabelDensity
from throng.sections.prompt import Prompt
from throng.sections.rank_pairs import RankPairs
from throng.sections.release import Release
from throng.sections.remove import Remove
from throng.sections.sample_gan import Sampler
from throng.sections.synthesize import Composite, Maker, Rendered
from throng.stage import Context, Files
from throng.stages import (
    detect,
    gather_material,
    ingest,
    label_density,
    prompt,
    rank_pairs,
    release,
    remove,
    sample_gan,
    synthesize,
)
from throng.tables import calibrated_counts, synthetic
from throng.tables.synthetic import SyntheticRow

SEED, PARTS = 7, [part_name(index, 2) for index in range(2)]
SHAPE = (192, 256)
TERMS = "research only, no redistribution"
OPENCV = {"backend": "opencv", "kept": [0.5, 0.0], "shams": 1, "dilation_px": 2, "dilation_share": 0, "shadow_share": 0}
MAKERS = (
    Composite(name="pasted", chunks=1, min_visible=0.15, repeat_cutouts=True, min_cutout_height=30, max_painted=1.0),
    Rendered(name="rendered", chunks=1, width=96, height=72),
)


def draw_source(folder: Path, photographs: int = 4) -> None:
    """Draw photographs with people of known outline, laid out as Penn-Fudan is."""
    rng = np.random.default_rng(3)
    for name in ("PNGImages", "PedMasks"):
        (folder / name).mkdir(parents=True)
    for number in range(photographs):
        pixels = ground_colour(rng, SHAPE)
        numbers = np.zeros(SHAPE, np.uint8)
        for index, foot in enumerate(FEET[: 4 + number % 2]):
            mask = draw_person(pixels, foot, round(PLANE.height_at(foot[1])), rng.integers(0, 255, 3))
            numbers[mask] = index + 1
        (folder / "PNGImages" / f"A{number}.png").write_bytes(encode_png(pixels))
        ok, data = cv2.imencode(".png", numbers)
        assert ok
        (folder / "PedMasks" / f"A{number}_mask.png").write_bytes(data.tobytes())


class World:
    """A results folder, the user's copy of the one source, and the stages run over them."""

    def __init__(self, root: Path) -> None:
        self.copy, self.results = root / "copy", root / "results"
        self.tables: dict[str, list[str]] = {}

    @property
    def roots(self) -> dict[str, Path]:
        return {"results": self.results, "town": self.copy}

    def make(
        self,
        removing: Mapping[str, Any] = OPENCV,
        makers: Sequence[Maker] = MAKERS,
        models: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        """Run every stage up to the release; ``models`` are pipelines by kind, inpaint and text-to-image."""
        draw_source(self.copy)
        source = {"name": "town", "format": "pennfudan", "root": "town", "licence": TERMS, "redistributable": False}
        self._run(ingest, "ingest", Ingest.model_validate({"sources": [source], "val_fraction": 0.3}), {}, {
            "images": "ingest/images.parquet", "summary": "ingest/summary.json"
        })  # fmt: skip
        annotations = Annotations()
        for part in PARTS:
            self._run(detect, "detect", annotations, {}, {"detections": f"detect/{part}.parquet"}, part=part)
        config: Remove = TypeAdapter(Remove).validate_python(removing)
        for part in PARTS:
            outputs = {"removals": f"remove/{part}.parquet", "pixels": f"remove/{part}.zip"}
            self._run(remove, "remove", config, _given(models, "inpaint"), outputs, part=part)
        self._run(rank_pairs, "rank_pairs", RankPairs(), {}, {"ranked_pairs": "rank_pairs/ranked_pairs.parquet"})
        asked = {"counts": [0, 3], "repeats": 1, "templates": [{"name": "town", "text": "{count} people"}]}
        self._run(prompt, "prompt", Prompt.model_validate(asked), {}, {"prompts": "prompt/prompts.parquet"})
        for maker in makers:
            folder = f"synthesize/{maker.name}/{part_name(0, 1)}"
            outputs = {"synthetic": f"{folder}.parquet", "pixels": f"{folder}.zip"}
            given = _given(models, "text-to-image") if maker.backend == "diffusers" else {}
            if isinstance(maker, Composite):
                given = self._gather(maker)
            self._run(synthesize, "synthesize", maker, given, outputs, part=part_name(0, 1), maker=maker.name)
        self._calibrate()
        outputs = {"density_labels": "label_density/density_labels.parquet", "normalisation": "label_density/n.json"}
        self._run(label_density, "label_density", LabelDensity(), {}, outputs)

    def draw(self, generator: Path, sampler: Sampler) -> None:
        """Draw images with a generator."""
        folder = f"sample_gan/{sampler.name}/{part_name(0, 1)}"
        outputs = {"gan_samples": f"{folder}.parquet", "pixels": f"{folder}.zip"}
        given = {"generator": [str(generator)]}
        self._run(sample_gan, "sample_gan", sampler, given, outputs, part=part_name(0, 1), sampler=sampler.name)

    def release(self, **settings: Any) -> Path:
        """Write the release and return its folder."""
        config = Release.model_validate({"name": "tiny", "backends": BACKENDS} | settings)
        index = f"release/{config.name}/index.json"
        given = {"opt_out": [config.privacy.opt_out]} if config.privacy.opt_out else {}
        self._run(release, "release", config, given, {"index": index})
        return (self.results / index).parent

    def _calibrate(self) -> None:
        rows = read_rows([Path(path) for path in self.tables["synthetic"]], synthetic.TABLE, SyntheticRow)
        known = [
            calibrated_row(id=row.id, maker=row.maker, requested=row.requested, count=float(row.count or 0))
            if row.status == OK
            else calibrated_row(
                id=row.id, maker=row.maker, count=None, std=None, status="rejected", reason="unmade: no"
            )
            for row in rows
        ]
        path = self.results / "calibrate_counts" / "calibrated_counts.parquet"
        config = {"calibrate_counts": {}, "seed": SEED}
        write_table(path, calibrated_counts.TABLE, known, Provenance("calibrate_counts", config, "c0de", SEED))
        self.tables["calibrated_counts"] = self.tables["calibrated"] = [str(path)]

    def _run(
        self,
        module: Any,
        stage: str,
        config: Any,
        given: Mapping[str, list[str]],
        outputs: Mapping[str, str],
        **said: str,
    ) -> None:
        section = of_job(config, said)
        context = Context(
            stage, SEED, 1, said, self.roots, {stage: output_slice(section), "seed": SEED}, "c0de", self._parents()
        )
        named = {OUTPUTS.get(name, name): [str(self.results / path)] for name, path in outputs.items()}
        if stage in ("ingest", "prompt", "release"):
            named = {name: [str(self.results / path)] for name, path in outputs.items()}
        module.run(Files({**self.tables, **given}), Files(named), section, context)
        for name, path in outputs.items():
            if path.endswith(".parquet"):
                self.tables.setdefault(name, []).append(str(self.results / path))

    def _gather(self, maker: Composite) -> dict[str, list[str]]:
        """Run stage gather_material and return its outputs as inputs of the next stage."""
        outputs = {name: f"gather_material/{maker.name}/material.{name}" for name in ("json", "zip")}
        named = {"material": [str(self.results / outputs["json"])], "pixels": [str(self.results / outputs["zip"])]}
        context = Context("gather_material", SEED, 1, {"maker": maker.name}, self.roots, {}, "c0de", {})
        gather_material.run(Files(self.tables), Files(named), maker.gathering, context)
        return {"material": named["material"], "material_pixels": named["pixels"]}

    def _parents(self) -> dict[str, str]:
        paths = {path for paths in self.tables.values() for path in paths}
        return {Path(path).relative_to(self.results).as_posix(): sha256_file(Path(path)) for path in sorted(paths)}


def _given(models: Mapping[str, Path], kind: str) -> dict[str, list[str]]:
    return {"model": [str(models[kind])]} if kind in models else {}


BACKENDS = ["annotations", "opencv", "lama", "diffusers-inpaint", "composite", "rendered", "diffusers"]
# what a stage calls its table, where the release calls it otherwise
OUTPUTS = dict.fromkeys(
    ("detections", "removals", "ranked_pairs", "synthetic", "density_labels", "gan_samples"), "table"
)
