"""A few rendered photographs whose labels are planted, so that every figure of the audit is known."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.contract.test_detectors import image_row
from tests.rows import density_row, synthetic_row
from throng.density.crowd import Window
from throng.density_audit.gathering import gather
from throng.density_audit.truth import RenderedTruth
from throng.images import encode_png, image_id, pack_zip
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.render.scene import make_scene, render_frame
from throng.render.truth import SCHEMA, truth_row
from throng.sections.audit_density import AuditDensity
from throng.sections.label_density import LabelDensity
from throng.stage import Context, Files
from throng.stages import audit_density
from throng.tables import density_labels, detections, images, synthetic
from throng.tables.density_labels import DensityLabelRow, Label
from throng.tables.images import ImageRow
from throng.tables.synthetic import SyntheticRow

WIDTH, HEIGHT, SEED, FRAMES = 192, 144, 4, 2
SECTION = LabelDensity.model_validate(
    {
        "labellers": [
            {"method": "threshold"},
            {"method": "kde"},
            {"method": "euclidean", "mode": "compat"},
            {"method": "kde", "mode": "compat"},
            {"method": "grid-metres", "thresholds": "fruin-walkway"},
        ]
    }
).model_dump(mode="json")
SMALL = AuditDensity(draws=100, pictures=2, picture=128)


class World:
    """A rendered folder, photographs of it and synthesised images, labelled by one who knows the truth."""

    def __init__(self, folder: Path, counts: Sequence[int] = (0, 3, 6, 12, 20, 30)) -> None:
        """Render an image for every count, two to a scene."""
        self.folder, self.results, self.rendered = folder, folder / "results", folder / "rendered"
        self.photographs: list[ImageRow] = []
        self.truth: list[dict[str, object]] = []
        self.made: list[SyntheticRow] = []
        self.pixels: dict[str, bytes] = {}
        for index, count in enumerate(counts):
            self._render(index, count)
        self.labels: list[DensityLabelRow] = []

    def _render(self, index: int, count: int) -> None:
        frame = render_frame(make_scene(SEED, index // FRAMES, WIDTH, HEIGHT), index % FRAMES, count)
        data, name = encode_png(frame.image), f"{index}.png"
        path = self.rendered / "ch" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.truth.append(truth_row(frame, "crowdhuman", "train", f"ch/{name}"))
        people = [_person(full, head) for full, head in zip(frame.people.full_box, frame.people.head_box, strict=True)]
        points = [{"x": float(x), "y": float(y)} for x, y in frame.people.head_point]
        row = image_row(
            HEIGHT, WIDTH, image_id(data), source="ch", path=name, count=count, points=points, people=people
        )
        self.photographs.append(row)

    def synthesise(self, count: int, *, known: bool = True) -> str:
        """Add a synthesised image of so many people, exactly known or guessed, and return its id."""
        key = hashlib.sha256(f"{count} {len(self.made)}".encode()).hexdigest()[:16]
        random = np.random.default_rng(count)
        points = [{"x": float(x), "y": float(y)} for x, y in random.uniform(5, 60, (count, 2))]
        boxes = [{"x": p["x"] - 2, "y": p["y"] - 2, "w": 5.0, "h": 14.0} for p in points]
        self.pixels[f"{key}.jpg"] = encode_png(np.full((64, 64, 3), 90, np.uint8))
        row = synthetic_row(
            id=key, width=64, height=64, count=count if known else None, points=points if known else None,
            boxes=boxes if known else None, requested=count,
        )  # fmt: skip
        self.made.append(row)
        return key

    @property
    def roots(self) -> dict[str, Path]:
        """Return the folders of the sources and of the results."""
        return {"results": self.results, "ch": self.rendered / "ch"}

    def write_truth(self) -> Path:
        """Write the rendered truth and return its path."""
        path = self.rendered / "truth.parquet"
        pq.write_table(pa.Table.from_pylist(self.truth, schema=SCHEMA), path)
        return path

    def label(self, window: Window | None = None) -> None:
        """Label everything: the two fixed ones tell the truth, one compat inverts it, the other is always low."""
        truth = RenderedTruth(self.write_truth(), SEED, self.roots)
        window = window or Window(0, 0, WIDTH, HEIGHT)
        for photograph in self.photographs:
            told = truth.of(photograph, window)
            assert told is not None
            self._add(photograph.id, "images", window, float(told.people), told.felt)
        for row in self.made:
            self._add(row.id, "synthetic", Window(0, 0, row.width, row.height), float(row.requested or 0), None)

    def _add(self, key: str, table: str, window: Window, count: float, felt: float | None) -> None:
        dense = None if felt is None else int(felt > 0.05) + int(felt > 0.2)
        said = [
            _label("threshold", "fixed", count, int(count > 10) + int(count > 30)),
            _label("kde", "fixed", felt, dense),
            _label("euclidean", "compat", None if felt is None else -felt, None if dense is None else 2 - dense),
            _label("kde", "compat", 0.001, 0),
            _label("grid-metres", "fixed", felt, None if dense is None else 2 * dense),
        ]
        row = density_row(
            key, table, count=count, score=count, density_class=said[0]["density_class"],
            class_name=said[0]["class_name"], labels=said, crop_x=window.x, crop_y=window.y, crop_w=window.w,
            crop_h=window.h, ground_reason="too few people: 3",
        )  # fmt: skip
        self.labels.append(row)

    def figures(self, config: AuditDensity = SMALL) -> dict:
        """Return the stage's figures without drawing the page."""
        files = self._write(SECTION)
        truth = RenderedTruth(self.rendered / "truth.parquet", SEED, self.roots)
        gathered = gather(files["labels"], files["images"], [files["synthetic"]], truth, config.tables)
        return audit_density.figures(gathered, gathered.opinions(), config, SEED)

    def audit(self, config: AuditDensity = SMALL, *, truth: bool = True, section: Any = SECTION) -> tuple[dict, str]:
        """Write the tables and run the stage; return its figures and its page."""
        out, files = self.results / "audit_density", self._write(section)
        named = {name: [str(path)] for name, path in files.items()}
        if truth:
            named["truth"] = [str(self.rendered / "truth.parquet")]
        outputs = Files({"figures": [str(out / "agreement.json")], "page": [str(out / "density.html")]})
        context = Context("audit_density", SEED, 1, {}, self.roots, {}, "code", {})
        audit_density.run(Files(named), outputs, config, context)
        return json.loads((out / "agreement.json").read_text()), (out / "density.html").read_text()

    def _write(self, section: Any) -> dict[str, Path]:
        footer = Provenance("test", {}, "", 0)
        made = Provenance("label_density", {"label_density": section, "seed": SEED}, "", SEED)
        files = {name: self.results / f"{name}.parquet" for name in ("images", "labels", "detections", "synthetic")}
        write_table(files["images"], images.TABLE, self.photographs, footer)
        write_table(files["detections"], detections.TABLE, [], footer)
        write_table(files["synthetic"], synthetic.TABLE, self.made, footer)
        write_table(files["labels"], density_labels.TABLE, self.labels, made)
        pack_zip(self.results / "synthesize/composite/part-000-of-001.zip", self.pixels)
        return files


def _person(full: np.ndarray, head: np.ndarray) -> dict[str, Any]:
    def box(values: np.ndarray) -> dict[str, float]:
        return dict(zip("xywh", (float(value) for value in values), strict=True))

    unknown = dict.fromkeys(("box_id", "visible", "occluded", "unsure", "head_occluded", "head_unsure"))
    boxes = {"head": box(head), "full": box(full)}
    return {"tag": "person", "ignore": False, "head_ignore": False} | unknown | boxes


def _label(method: str, mode: str, score: float | None, density_class: int | None) -> Label:
    name = "" if density_class is None else ("low", "medium", "high", "D", "E", "F")[density_class]
    return {
        "method": method,
        "mode": mode,
        "score": score,
        "largest": None,
        "overall": None,
        "density_class": density_class,
        "class_name": name,
        "flags": ["one-scale"] if method == "grid-metres" else [],
        "reason": "" if density_class is not None else "no positions: nobody knows where the people are",
    }
