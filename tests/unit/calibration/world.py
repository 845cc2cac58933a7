"""A results folder with two makers' images of white squares, one of which knows how many it drew."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.contract.test_detectors import image_row
from throng.chunks import in_chunk, part_name
from throng.detectors.protocol import Found, Photograph
from throng.images import encode_png, image_id, pack_zip
from throng.manifest import read_rows, write_table
from throng.provenance import Provenance
from throng.sections.calibrate_counts import CalibrateCounts
from throng.sections.count_synthetic import CountSynthetic
from throng.seeds import generator
from throng.stage import Context, Files
from throng.stages import calibrate_counts, count_synthetic
from throng.tables import calibrated_counts, images, prompts, synthetic, synthetic_counts
from throng.tables.calibrated_counts import CalibratedCountRow
from throng.tables.prompts import PromptRow
from throng.tables.synthetic import SyntheticRow
from throng.tables.synthetic_counts import SyntheticCountRow

HEIGHT, WIDTH = 48, 64
FOOTER = Provenance("test", {}, "", 0)
EXACT, PROMPTED = "exact", "prompted"


def squares(number: int, key: str) -> np.ndarray:
    """A grey gradient with so many white squares, none touching another."""
    random = generator(0, "world", key)
    across = (
        np.linspace(*random.uniform(20, 90, 2), WIDTH)[None] + np.linspace(*random.uniform(20, 90, 2), HEIGHT)[:, None]
    )
    image = np.repeat(across[..., None], 3, axis=2)
    for cell in random.permutation((HEIGHT // 4) * (WIDTH // 4))[:number]:
        row, column = divmod(int(cell), WIDTH // 4)
        image[4 * row : 4 * row + 3, 4 * column : 4 * column + 3] = 255
    return image.astype(np.uint8)


class SquareDetector:
    """Finds every white square; ``looked`` lists who was looked at."""

    batch, reads_pixels, model = 3, True, {"file": "squares", "sha256": "5" * 64}

    def __init__(self) -> None:
        self.looked: list[str] = []

    def prepare(self, photograph: Photograph) -> Photograph:
        return photograph

    def detect(self, photographs: Sequence[Photograph]) -> list[Found]:
        return [self._one(photograph) for photograph in photographs]

    def _one(self, photograph: Photograph) -> Found:
        self.looked.append(photograph.row.id)
        labels, _ = cv2.connectedComponents((photograph.pixels[..., 0] > 240).astype(np.uint8))
        box = {"x": 0.0, "y": 0.0, "w": 1.0, "h": 1.0, "score": 1.0, "mask": None}
        return Found([box] * (labels - 1))


class World:
    """Prompts, both makers' images and labelled photographs, on disk."""

    def __init__(self, folder: Path, requests: Sequence[int] = (0, 3, 9), each: int = 6, photographs: int = 12) -> None:
        self.folder, self.results = folder, folder / "results"
        self.prompts: list[PromptRow] = []
        self.rows: dict[str, list[SyntheticRow]] = {EXACT: [], PROMPTED: []}
        self.pixels: dict[str, dict[str, bytes]] = {EXACT: {}, PROMPTED: {}}
        self.truth: dict[str, int] = {}
        self.photographs = [self._photograph(index) for index in range(photographs)]
        for request in requests:
            for repeat in range(each):
                self.ask(request, repeat)

    def _photograph(self, index: int):
        data = encode_png(squares(index, f"photograph {index}"))
        path = self.folder / "photographs" / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        split = "train" if index % 4 else "test"
        return image_row(HEIGHT, WIDTH, image_id(data), count=index, path=path.name, split=split)

    def ask(self, request: int, repeat: int) -> None:
        name = hashlib.sha256(f"{request} {repeat}".encode()).hexdigest()[:16]
        text = f"{request} people"
        self.prompts.append(
            PromptRow(name, request, "", request, request, "t", "", "", "figures", repeat, text, "", 1, "train")
        )
        drawn = max(0, request + int(generator(1, "world", name).integers(-2, 3))) if request else 0
        self.add(EXACT, name, request, request)
        self.add(PROMPTED, name, request, drawn)

    def ask_for_a_class(self, density: str, fewest: int, most: int, drawn: int) -> str:
        name = hashlib.sha256(density.encode()).hexdigest()[:16]
        self.prompts.append(
            PromptRow(name, None, density, fewest, most, "t", "", "", "", 0, f"a {density} crowd", "", 1, "train")
        )
        return self.add(PROMPTED, name, None, drawn, density=density)

    def add(self, maker: str, prompt: str, request: int | None, drawn: int, **said: Any) -> str:
        name = hashlib.sha256(f"{maker} {prompt}".encode()).hexdigest()[:16]
        pixels = squares(drawn, name)
        known = maker == EXACT
        values = {
            "id": name, "prompt_id": prompt, "maker": maker, "requested": request, "density": "",
            "count": drawn if known else None, "points": [{"x": 1.0, "y": 2.0}] * drawn if known else None,
            "boxes": [{"x": 0.0, "y": 0.0, "w": 3.0, "h": 3.0}] * drawn if known else None, "masks": None,
            "path": f"synthesize/{maker}/{part_name(0, 1)}.zip/{name}.png", "sha256": "", "width": WIDTH,
            "height": HEIGHT, "split": "train", "scene": "", "background_id": "", "parents": [], "licence": "CC0-1.0",
            "redistributable": True, "backend": maker, "options": "", "status": "ok", "reason": "",
        }  # fmt: skip
        row = SyntheticRow(**values | said)
        self.rows[maker].append(row)
        self.truth[name] = drawn
        if row.status == "ok":
            self.pixels[maker][f"{name}.png"] = encode_png(pixels)
        return name

    @property
    def roots(self) -> dict[str, Path]:
        return {"results": self.results, "here": self.folder / "photographs"}

    def write(self) -> None:
        write_table(self.results / "images.parquet", images.TABLE, self.photographs, FOOTER)
        write_table(self.results / "prompts.parquet", prompts.TABLE, self.prompts, FOOTER)
        for maker, files in self.pixels.items():
            pack_zip(self.results / f"synthesize/{maker}/{part_name(0, 1)}.zip", files)

    def count(
        self, config: CountSynthetic, chunks: int = 1, threads: int = 1, **inputs: list[str]
    ) -> list[SyntheticCountRow]:
        """Run stage count_synthetic for both makers, in so many parts."""
        self.write()
        self.counts, self.made = [], []
        for maker, rows in self.rows.items():
            for part in (part_name(index, chunks) for index in range(chunks)):
                made = self.results / f"synthesize/{maker}/{part}.parquet"
                out = self.results / f"count_synthetic/{maker}/{part}.parquet"
                write_table(made, synthetic.TABLE, [row for row in rows if in_chunk(row.id, part)], FOOTER)
                named = {"synthetic": [str(made)], "images": [str(self.results / "images.parquet")]}
                wildcards = {"maker": maker, "part": part}
                context = Context("count_synthetic", 0, threads, wildcards, self.roots, {}, "code", {})
                count_synthetic.run(Files(named | inputs), Files({"table": [str(out)]}), config, context)
                self.made.append(made)
                self.counts.append(out)
        return read_rows(self.counts, synthetic_counts.TABLE, SyntheticCountRow)

    def calibrate(
        self, config: CalibrateCounts | None = None, **inputs: list[str]
    ) -> tuple[dict[str, CalibratedCountRow], dict, str]:
        """Run stage calibrate_counts; return its rows by id, its figures and its page."""
        out = self.results / "calibrate_counts"
        named = {
            "prompts": [str(self.results / "prompts.parquet")],
            "synthetic": [str(path) for path in self.made],
            "counts": [str(path) for path in self.counts],
        }
        outputs = {"table": "counts.parquet", "figures": "counts.json", "page": "counts.html"}
        context = Context("calibrate_counts", 0, 1, {}, self.roots, {}, "code", {})
        files = Files({name: [str(out / file)] for name, file in outputs.items()})
        calibrate_counts.run(Files(named | inputs), files, config or CalibrateCounts(bootstrap=100), context)
        rows = read_rows(out / "counts.parquet", calibrated_counts.TABLE, CalibratedCountRow)
        figures = json.loads((out / "counts.json").read_text())
        return {row.id: row for row in rows}, figures, (out / "counts.html").read_text()

    def scores(self, values: dict[str, float]) -> Path:
        """Write a ranker's scores."""
        path = self.folder / "scores.parquet"
        pq.write_table(pa.table({"id": list(values), "score": list(values.values())}), path)
        return path
