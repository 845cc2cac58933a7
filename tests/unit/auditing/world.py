"""Small photographs whose people, detections, edits and pairs are planted, so that every figure is known."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.contract.test_detectors import image_row
from tests.rows import pair_row, removal_row
from throng import rle
from throng.images import encode_png, pack_zip
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.sections.audit_pairs import AuditPairs
from throng.stage import Context, Files
from throng.stages import audit_pairs
from throng.tables import detections, images, ranked_pairs, removals
from throng.tables.detections import Detection, DetectionRow
from throng.tables.images import ImageRow
from throng.tables.ranked_pairs import RankedPairRow
from throng.tables.removals import RemovalRow

HEIGHT, WIDTH, PERSON = 128, 192, (24, 56)
PART = "part-000-of-001"
ZIP = f"remove/{PART}.zip"
Editor = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def honest(scenery: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What a camera would have seen: the scenery with noise of its own, distributed as the photograph's."""
    return grainy(scenery, random)


def smooth(scenery: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The scenery without any noise: an editor that gives itself away."""
    return scenery.astype(np.uint8)


def grainy(scenery: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.clip(scenery + random.normal(0, 6, scenery.shape), 0, 255).astype(np.uint8)


def box(x: float, y: float, w: float = PERSON[0], h: float = PERSON[1]) -> Detection:
    return {"x": x, "y": y, "w": w, "h": h, "score": 0.9, "mask": None}


def around(boxes: Sequence[Detection], margin: int = 2, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    for one in boxes:
        x, y, w, h = (int(one[name]) for name in ("x", "y", "w", "h"))
        mask[max(y - margin, 0) : y + h + margin, max(x - margin, 0) : x + w + margin] = True
    return mask


class World:
    """A results folder with photographs of three people, edited by one editor, ready to be audited."""

    def __init__(self, folder: Path, number: int, editor: Editor = honest) -> None:
        self.folder, self.editor = folder, editor
        self.photographs: list[ImageRow] = []
        self.found: list[DetectionRow] = []
        self.edits: list[RemovalRow] = []
        self.pairs: list[RankedPairRow] = []
        self.files: dict[str, bytes] = {}
        for index in range(number):
            self._photograph(index)

    def _photograph(self, index: int) -> None:
        random = np.random.default_rng(index)
        coarse = random.uniform(60, 190, (8, 12, 3)).astype(np.float32)
        scenery = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        people = [box(8 + 34 * place, 8) for place in range(3)]
        image = grainy(scenery, random)
        for person in people:
            x, y = int(person["x"]), int(person["y"])
            image[y : y + PERSON[1], x : x + PERSON[0]] = random.integers(0, 256, 3)
        key = hashlib.sha256(image.tobytes()).hexdigest()[:16]
        points = [{"x": p["x"] + 12.0, "y": p["y"] + 4.0} for p in people]
        path = self.folder / "photographs" / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(image))
        row = image_row(HEIGHT, WIDTH, key, points=points, count=3, scene=f"scene-{index}", path=path.name)
        self.photographs.append(row)
        self.found.append(DetectionRow(key, "ultralytics", people, "ok", ""))
        self._chain(row, people, image, scenery, random)

    def _chain(
        self, row: ImageRow, people: list[Detection], image: np.ndarray, scenery: np.ndarray, random: Any
    ) -> None:
        base, shown, members = row.id, image, [(row.id, "here", row.path)]
        masks = {0: np.zeros((HEIGHT, WIDTH), bool)}
        for level in (1, 2, 3):
            masks[level] = around(people[:level])
            added = masks[level] & ~masks[level - 1]
            shown = np.where(added[..., None], self.editor(scenery, random), shown)
            members.append(self.add(row, "chain", level, base, list(range(level)), masks[level], shown))
            base = members[-1][0]
        area = around([box(p["x"] + 8, 68) for p in people])
        sham = np.where(area[..., None], self.editor(scenery, random), image)
        self.add(row, "sham", 1, row.id, [], area, sham)
        self.pair("real-edited", "more", members[0], members[1], [0])
        self.pair("edited-edited", "more", members[1], members[3], [1, 2])
        sham_row = self.edits[-1]
        self.pair("sham-equal", "equal", members[0], (sham_row.id, "results", sham_row.path), [])

    def add(
        self, row: ImageRow, recipe: str, level: int, base: str, removed: list[int], mask: np.ndarray | None,
        pixels: np.ndarray,
    ) -> tuple[str, str, str]:  # fmt: skip
        key = hashlib.sha256(f"{row.id} {recipe} {level}".encode()).hexdigest()[:16]
        self.files[f"{key}.png"] = encode_png(pixels)
        counts = None if mask is None else rle.encode(mask, height=mask.shape[0], width=mask.shape[1])
        edit = removal_row(
            id=key, parent_id=row.id, recipe=recipe, level=level, base_id=base, removed=removed, mask=counts,
            detected_count=3, areas=len(removed) or 3, path=f"{ZIP}/{key}.png",
        )  # fmt: skip
        self.edits.append(edit)
        return key, "results", edit.path

    def pair(self, kind: str, relation: str, more: tuple, fewer: tuple, removed: list[int], **said: Any) -> None:
        parent = self.photographs[-1]
        names = ("id", "source", "path")
        sides = {f"{side}_{name}": value for side, member in (("more", more), ("fewer", fewer))
                 for name, value in zip(names, member, strict=True)}  # fmt: skip
        key = hashlib.sha256(f"{kind} {more[0]} {fewer[0]} {len(self.pairs)}".encode()).hexdigest()[:16]
        row = pair_row(id=key, parent_id=parent.id, kind=kind, relation=relation, removed=removed, scene=parent.scene)
        self.pairs.append(type(row)(**{n: getattr(row, n) for n in row.__dataclass_fields__} | sides | said))

    def audit(self, config: AuditPairs | None = None, seed: int = 0, **inputs: list[str]) -> Path:
        """Write the tables and run the stage; return its folder."""
        results, out = self.folder / "results", self.folder / "results" / "audit_pairs"
        made = Provenance("test", {}, "", 0)
        tables = {
            "images": (results / "images.parquet", images.TABLE, self.photographs),
            "detections": (results / "detections.parquet", detections.TABLE, self.found),
            "removals": (results / "removals.parquet", removals.TABLE, self.edits),
            "ranked_pairs": (results / "ranked_pairs.parquet", ranked_pairs.TABLE, self.pairs),
        }
        for path, table, rows in tables.values():
            write_table(path, table, rows, made)
        pack_zip(results / ZIP, self.files)
        named = {name: [str(path)] for name, (path, _, _) in tables.items()}
        outputs = {"audit": "audit.parquet", "edits": "edits.parquet", "figures": "audit.json", "page": "audit.html"}
        roots = {"results": results, "here": self.folder / "photographs"}
        context = Context("audit_pairs", seed, 2, {}, roots, {}, "code", {})
        files = Files({name: [str(out / file)] for name, file in outputs.items()})
        audit_pairs.run(Files(named | inputs), files, config or AuditPairs(), context)
        return out
