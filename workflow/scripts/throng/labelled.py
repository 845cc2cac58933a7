"""A folder of photographs with head points, read for its true counts alone."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from throng.errors import ThrongError


def labelled_images(folder: Path) -> dict[Path, int]:
    """Return the images of ``folder`` and their true numbers of people, sorted by path.

    ``folder`` holds points.json, {"path below the folder": [[x, y], ...]}, or, at any depth, images/ with
    ground-truth/GT_<name>.mat (or ground_truth) beside it, ShanghaiTech's layout. Raises ThrongError when it holds
    neither, a photograph has no points file, or one cannot be read.
    """
    if not folder.is_dir():
        raise ThrongError(f"{folder}: no such folder")
    points = folder / "points.json"
    found = _from_json(points) if points.is_file() else _from_mat(folder)
    if not found:
        raise ThrongError(
            f"{folder}: no labelled images; expected points.json, or images/ with ground-truth/GT_<name>.mat beside it"
        )
    return dict(sorted(found.items()))


def _from_json(path: Path) -> dict[Path, int]:
    try:
        content = json.loads(path.read_text())
        return {path.parent / _below(name): _number(name, points) for name, points in content.items()}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ThrongError(f'{path}: expected {{"a.jpg": [[x, y], ...]}}: {error}') from error


def _below(name: str) -> str:
    inside = not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
    if not name or not inside or not name.isprintable():
        raise ValueError(f"{name!r} is no path below the folder")
    return name


def _number(name: str, points: object) -> int:
    if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 2 for p in points):
        raise ValueError(f"{name} has no list of x, y")
    return len(points)


def _from_mat(folder: Path) -> dict[Path, int]:
    from throng.images import SUFFIXES
    from throng.sources.shanghaitech import read_mat

    found: dict[Path, int] = {}
    places = [folder] if folder.name == "images" else sorted(p for p in folder.rglob("images") if p.is_dir())
    for place in places:
        truths = [place.parent / name for name in ("ground-truth", "ground_truth")]
        truth = next((path for path in truths if path.is_dir()), None)
        if truth is None:
            continue
        for image in sorted(path for path in place.iterdir() if path.suffix.lower() in SUFFIXES):
            label = truth / f"GT_{image.stem}.mat"
            try:
                found[image] = len(read_mat(label.read_bytes())[0])
            except (OSError, ThrongError) as error:
                raise ThrongError(f"{label}: {error}") from error
    return found
