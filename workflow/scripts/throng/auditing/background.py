"""The true background of rendered photographs: the same frame rendered again without the people who were removed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from throng.auditing.order import under
from throng.errors import ThrongError
from throng.images import decode
from throng.roots import below
from throng.tables.images import ImageRow

COLUMNS = ["archive", "path", "scene", "frame", "width", "height", "people", "head_points"]
Record = dict[str, Any]


class Rendered:
    """Renders photographs of rendered sources again, as the table of truth beside their archives describes them."""

    def __init__(self, truth: Path | None, seed: int, roots: Mapping[str, Path]) -> None:
        """Read ``truth.parquet``, none where no source is rendered; raises ThrongError when it is not such a table."""
        self._seed = seed
        self._frames: dict[str, Record] = {}
        self._below: dict[str, str] = {}
        if truth is not None:
            self._frames = {row["path"]: row for row in _read(truth)}
            self._below = below(truth.parent, roots)

    def frame(self, photograph: ImageRow, data: bytes) -> "Frame | None":
        """Return a rendered photograph's frame, or None for any other photograph.

        ``data`` is the file; raises ThrongError when rendering the frame with everybody does not give these bytes.
        """
        folder = self._below.get(photograph.source)
        row = None if folder is None else self._frames.get(f"{folder}/{photograph.path}".removeprefix("./"))
        if row is None:
            return None
        frame = Frame(row, self._seed)
        if frame.file(()) != data:
            raise ThrongError(
                f"{photograph.path}: rendered again it has other bytes than the archive: it was rendered with another "
                f"seed, release of throng or of OpenCV"
            )
        return frame


class Frame:
    """One rendered photograph that can be rendered again without some of its people."""

    def __init__(self, row: Record, seed: int) -> None:
        self._row, self._seed = row, seed
        self._heads = np.array(row["head_points"], np.float64).reshape(-1, 2)

    def file(self, gone: tuple[int, ...]) -> bytes:
        """Return the JPEG that the archive would hold, had the people in ``gone`` stayed away."""
        from throng.render.archives import file_of
        from throng.render.scene import make_scene, render_without

        row = self._row
        scene = make_scene(self._seed, int(row["scene"].rpartition("-")[2]), row["width"], row["height"])
        return file_of(render_without(scene, row["frame"], row["people"], gone), scene.camera, row["archive"])

    def behind(self, mask: np.ndarray) -> np.ndarray:
        """Return the photograph, (H, W, 3) uint8, without anybody whose head lies under an (H, W) bool mask."""
        return decode(self.file(tuple(np.flatnonzero(under(mask, self._heads)).tolist())))


def _read(truth: Path) -> list[Record]:
    try:
        return pq.read_table(truth, columns=COLUMNS).to_pylist()
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise ThrongError(f"{truth}: no table of rendered truth ({error}); run the rule render again") from error
