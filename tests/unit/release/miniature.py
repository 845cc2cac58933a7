"""A whole run in miniature: every table and pixel that release and report read, made in a temporary folder."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.rows import calibrated_row, density_row, drawn_row, prompt_row, removal_row, synthetic_row
from throng.files import sha256_file
from throng.images import encode_jpeg, encode_png, pack_zip
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.ranking.pairs import pairs_of
from throng.release.corpus import TABLES
from throng.sections.base import output_slice
from throng.sections.rank_pairs import RankPairs
from throng.sections.release import Release
from throng.sections.synthesize import Making
from throng.stage import Context, Files
from throng.stages import release
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.removals import RemovalRow

WIDTH, HEIGHT = 64, 48
COMPOSITES = "synthesize/composite/part-000-of-001.zip"
PATHS = {
    "images": "ingest/images.parquet",
    "detections": "detect/part-000-of-001.parquet",
    "removals": "remove/part-000-of-001.parquet",
    "ranked_pairs": "rank_pairs/ranked_pairs.parquet",
    "prompts": "prompt/prompts.parquet",
    "synthetic": "synthesize/composite/part-000-of-001.parquet",
    "calibrated_counts": "calibrate_counts/calibrated_counts.parquet",
    "density_labels": "label_density/density_labels.parquet",
}
DRAWN = "sample_gan/crowds/part-000-of-001"
MAYBE = {"gan_samples": f"{DRAWN}.parquet"}


@dataclasses.dataclass
class Run:
    """The rows of every table, and the pixels behind them, before they are written."""

    rows: dict[str, list[Any]]
    photographs: dict[tuple[str, str], bytes]
    pixels: dict[str, dict[str, bytes]]
    asked: int = 0

    def change(self, table: str, index: int, **values: Any) -> None:
        self.rows[table][index] = dataclasses.replace(self.rows[table][index], **values)

    def write(self, root: Path) -> "Written":
        for (source, path), data in self.photographs.items():
            target = root / "sources" / source / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        results = root / "results"
        for archive, members in self.pixels.items():
            pack_zip(results / archive, members)
        for name, rows in self.rows.items():
            table, _ = TABLES[name]
            backend = {"detections": "annotations", "removals": "opencv", "synthetic": "composite"}.get(name)
            slices = {"synthesize": output_slice(Making(name="composite"))}
            config = {table.stage: slices.get(table.stage, {}), "seed": 7}
            model = None
            if name == "gan_samples":
                config["sample_gan"], model = {"name": "crowds"}, {"generator": "9e" * 32, "asked": str(self.asked)}
            provenance = Provenance(table.stage, config, "c0de", 7, {}, backend, model)
            write_table(results / (PATHS | MAYBE)[name], table, rows, provenance)
        return Written(root, sorted({source for source, _ in self.photographs}), sorted(self.rows))


@dataclasses.dataclass(frozen=True)
class Written:
    """A run on disk."""

    root: Path
    sources: list[str]
    tables: list[str]

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def inputs(self) -> Files:
        return self.inputs_with()

    def inputs_with(self, **files: Path) -> Files:
        return Files({name: [str(path)] for name, path in files.items()} | self._tables())

    def _tables(self) -> dict[str, list[str]]:
        return {name: [str(self.results / path)] for name, path in self.paths.items()}

    @property
    def paths(self) -> dict[str, str]:
        return {name: path for name, path in (PATHS | MAYBE).items() if name in self.tables}

    def context(self, stage: str, section: Any) -> Context:
        return Context(
            stage=stage,
            seed=7,
            threads=1,
            wildcards={},
            roots={"results": self.results} | {name: self.root / "sources" / name for name in self.sources},
            config={stage: output_slice(section), "seed": 7},
            code="c0de",
            parents={path: sha256_file(self.results / path) for path in sorted(self.paths.values())},
        )

    def release(self, *, files: Mapping[str, Path] | None = None, **settings: Any) -> Path:
        """Run the stage; ``files`` are inputs beside the tables, such as opt_out."""
        section = Release(**({"name": "tiny"} | settings))
        index = self.results / "release" / section.name / "index.json"
        inputs, outputs = self.inputs_with(**(files or {})), Files({"index": [str(index)]})
        release.run(inputs, outputs, section, self.context("release", section))
        return index.parent


def picture(number: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """Return a smooth image that no other number has."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(40, 220, (6, 8, 3)).astype(np.float64)
    y, x = np.linspace(0, 5, size[0]), np.linspace(0, 7, size[1])
    return coarse[np.round(y).astype(int)][:, np.round(x).astype(int)].astype(np.uint8)


def make_run(sources: Mapping[str, bool] | None = None) -> Run:
    """Return a run of three photographs per source (name: redistributable): two for training, one for validation."""
    run = Run({name: [] for name in PATHS}, {}, {"remove/part-000-of-001.zip": {}, COMPOSITES: {}})
    for number, (source, redistributable) in enumerate((sources or {"open": True}).items()):
        for k, split in enumerate(("train", "train", "val")):
            _photograph(run, source, 10 * number + k, split, redistributable)
    for k, count in enumerate((0, 1, 3, 3)):
        _synthetic(run, k, count)
    run.rows["images"].append(_unreadable())
    return run


def _photograph(run: Run, source: str, number: int, split: str, redistributable: bool) -> None:
    data = encode_jpeg(picture(number))
    sha256 = hashlib.sha256(data).hexdigest()
    path, scene = f"street/{number}.jpg", f"{source}/{number}"
    licence = "CC0-1.0" if redistributable else "research only, no redistribution"
    points = [{"x": 10.0 * k + 5, "y": 12.0} for k in range(4)]
    run.photographs[source, path] = data
    image = ImageRow(
        id=sha256[:16],
        source=source,
        path=path,
        sha256=sha256,
        bytes=len(data),
        format="jpeg",
        width=WIDTH,
        height=HEIGHT,
        channels=3,
        split=split,
        scene=scene,
        licence=licence,
        redistributable=redistributable,
        count=4,
        points=points,
        people=None,
        erratum="",
        status="ok",
        reason="",
    )
    run.rows["images"].append(image)
    people = [{"x": 10.0 * k, "y": 8.0, "w": 8.0, "h": 30.0, "score": 1.0, "mask": None} for k in range(4)]
    run.rows["detections"].append(DetectionRow(image.id, "annotations", people, "ok", ""))
    run.rows["density_labels"].append(density_row(image.id, "images", count=4.0))
    _edits(run, image)


def _edits(run: Run, image: ImageRow) -> None:
    """Add a chain of two levels, a sham, a rejected sham, and the pairs that stage rank_pairs makes of them."""
    edits = [
        _edit(run, image, "chain", 1, removed=[2]),
        _edit(run, image, "chain", 2, removed=[0, 2, 3]),
        _edit(run, image, "sham", 1, removed=[], areas=1),
    ]
    refused = removal_row(
        id=f"{image.id[:15]}x",
        parent_id=image.id,
        recipe="sham",
        level=2,
        removed=[],
        path="",
        sha256="",
        width=0,
        height=0,
        status="rejected",
        reason="no room: for 3 areas",
    )
    run.rows["removals"] += [*edits, refused]
    config = RankPairs(
        kinds=["real-edited", "edited-edited", "sham-equal", "nested-crop"],
        weights={"real-edited": 0.7},
        crops=2,
        crop_least=16,
    )
    run.rows["ranked_pairs"] += pairs_of(image, edits, config, 7)


def _edit(run: Run, image: ImageRow, recipe: str, level: int, **said: Any) -> RemovalRow:
    edit_id = hashlib.sha256(f"{image.id} {recipe} {level}".encode()).hexdigest()[:16]
    edited = encode_png(picture(int(edit_id[:6], 16)))
    run.pixels["remove/part-000-of-001.zip"][f"{edit_id}.png"] = edited
    return removal_row(
        id=edit_id,
        parent_id=image.id,
        recipe=recipe,
        level=level,
        detected_count=4,
        path=f"remove/part-000-of-001.zip/{edit_id}.png",
        sha256=hashlib.sha256(edited).hexdigest(),
        width=WIDTH,
        height=HEIGHT,
        **said,
    )


def _synthetic(run: Run, k: int, count: int) -> None:
    """Add one composite whose background and cut-outs come from one training photograph, sources taking turns."""
    grounds = [row for row in run.rows["images"] if row.split == "train"]
    ground = grounds[(2 * k) % len(grounds)]
    prompt_id = hashlib.sha256(f"prompt {k}".encode()).hexdigest()[:16]
    made_id = hashlib.sha256(f"composite {k}".encode()).hexdigest()[:16]
    run.rows["prompts"].append(prompt_row(id=prompt_id, count=count, repeat=k, seed=2**63 + k))
    data = encode_jpeg(picture(2000 + k))
    name = f"{made_id}.jpg"
    run.pixels[COMPOSITES][name] = data
    row = synthetic_row(
        id=made_id,
        prompt_id=prompt_id,
        count=count,
        points=[{"x": 9.0 + 12 * i, "y": 20.0} for i in range(count)],
        boxes=[{"x": 5.0 + 12 * i, "y": 15.0, "w": 8.0, "h": 30.0} for i in range(count)],
        path=f"{COMPOSITES}/{name}",
        sha256=hashlib.sha256(data).hexdigest(),
        width=WIDTH,
        height=HEIGHT,
        scene=ground.scene,
        background_id=ground.id,
        parents=[ground.id],
        licence=ground.licence,
        redistributable=ground.redistributable,
    )
    run.rows["synthetic"].append(row)
    run.rows["calibrated_counts"].append(calibrated_row(id=made_id, count=float(count), requested=count))
    label = density_row(made_id, "synthetic", count=float(count), density_class=int(count > 2))
    run.rows["density_labels"].append(label)


def draw(run: Run, **said: Any) -> None:
    """Add what a generator drew: two images each of two classes, and one that was rejected."""
    run.rows["gan_samples"] = []
    run.asked = 5
    members = run.pixels[f"{DRAWN}.zip"] = {}
    for k in range(5):
        drawn_id = hashlib.sha256(f"drawn {k}".encode()).hexdigest()[:16]
        data = encode_png(picture(3000 + k, (16, 16)))
        row = drawn_row(
            id=drawn_id,
            label=[float(k % 2)],
            label_name=("few", "many")[k % 2],
            seed_index=k // 2,
            seed=2**63 + k // 2,
            path=f"{DRAWN}.zip/{drawn_id}.png",
            sha256=hashlib.sha256(data).hexdigest(),
            **said,
        )
        if k == 4:
            row = dataclasses.replace(
                row, path="", sha256="", width=0, height=0, status="rejected", reason="flat: grey"
            )
        else:
            members[f"{drawn_id}.png"] = data
        run.rows["gan_samples"].append(row)


def _unreadable() -> ImageRow:
    """Return the row of a file that ingestion refused."""
    return ImageRow(
        id="",
        source="open",
        path="broken.jpg",
        sha256="",
        bytes=0,
        format="",
        width=0,
        height=0,
        channels=0,
        split="train",
        scene="open/broken",
        licence="CC0-1.0",
        redistributable=True,
        count=None,
        points=None,
        people=None,
        erratum="",
        status="rejected",
        reason="truncated: the end marker is missing",
    )


def reseal(folder: Path) -> None:
    """Write a release's index and checksums again, as a forger would who changed a file."""
    from throng.release.index import write_index, write_sums

    index = json.loads((folder / "index.json").read_text())
    sums = {}
    for entry in sorted(index["files"], key=lambda entry: entry["path"] == "croissant.json"):
        path = folder / entry["path"]
        if path.name == "croissant.json":
            _reseal_croissant(path, sums)
        entry["sha256"], entry["bytes"] = sha256_file(path), path.stat().st_size
        sums[entry["path"]] = entry["sha256"]
    index["totals"]["bytes"] = sum(entry["bytes"] for entry in index["files"])
    write_index(folder, index)
    write_sums(folder)


def _reseal_croissant(path: Path, sums: Mapping[str, str]) -> None:
    document = json.loads(path.read_bytes())
    for node in document["distribution"]:
        if node.get("contentUrl") in sums:
            node["sha256"] = sums[node["contentUrl"]]
    path.write_text(json.dumps(document))
