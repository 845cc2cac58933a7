"""Writes rendered scenes as genuine CrowdHuman and ShanghaiTech archives, with the whole truth beside them.

The readers of the real datasets read these files; ``truth.parquet`` holds what those formats cannot say.
"""

import hashlib
import io
import json
import math
import multiprocessing
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError
from throng.files import atomic_path, write_text
from throng.images import encode_jpeg, pack_zip
from throng.render.camera import Camera
from throng.render.exif import with_exif
from throng.render.scene import STAGE, Frame, make_scene, render_frame
from throng.render.truth import SCHEMA, truth_row
from throng.seeds import generator

CROWDHUMAN, SHANGHAITECH = "crowdhuman", "shanghaitech"
CROWDHUMAN_ZIPS = {"train": "CrowdHuman_train01.zip", "val": "CrowdHuman_val.zip"}
SHANGHAITECH_ZIP = "shanghaitech.zip"
TRUTH = "truth.parquet"
SCRATCH = ".rendering-"
FIRST_PREFIX = 100_000
MAT_HEADER = b"MATLAB 5.0 MAT-file, rendered crowd scene".ljust(116)
UNTOUCHED = 0.95


@dataclass(frozen=True)
class Style:
    """What the images of an archive look like: size in pixels and how many people; see :func:`write_archives`."""

    seed: int
    width: int
    height: int
    min_people: int
    max_people: int
    empty_share: float
    crowd_of: Literal["scene", "frame"] = "scene"


@dataclass(frozen=True)
class Shot:
    """All frames of one scene: the split it belongs to, how many frames, and the number of its first image."""

    archive: str
    split: str
    scene: int
    frames: int
    first_number: int


@dataclass(frozen=True)
class Written:
    """What one shot left in the scratch folder: (split, member, file), annotation lines by ID, truth rows."""

    members: list[tuple[str, str, Path]]
    records: list[tuple[str, str]]
    rows: list[dict[str, object]]


def write_archives(
    folder: Path, *, seed: int, crowdhuman: int, shanghaitech: int, width: int, height: int, min_people: int,
    max_people: int, workers: int = 1, frames_per_scene: int = 4, empty_share: float = 0.05, val_share: float = 0.2,
    test_share: float = 0.4, crowd_of: Literal["scene", "frame"] = "scene",
) -> None:  # fmt: skip
    """Write ``crowdhuman`` and ``shanghaitech`` images of ``width`` x ``height`` pixels below ``folder``.

    Files: ``crowdhuman/CrowdHuman_{train01,val}.zip`` and ``crowdhuman/annotation_{train,val}.odgt``,
    ``shanghaitech.zip``, and last ``truth.parquet``; an archive or split without images is not written. A scene gives
    ``frames_per_scene`` images and lies in one split. A scene's crowd is log-uniform from ``min_people`` to
    ``max_people`` and varies somewhat by frame, or each frame's is by itself (``crowd_of``); ``empty_share`` of the
    images have nobody. The bytes do not depend on ``workers``. Raises ThrongError on contradicting options.
    """
    _check(min_people, max_people, crowdhuman, shanghaitech, frames_per_scene, workers)
    style = Style(seed, width, height, min_people, max_people, empty_share, crowd_of)
    first = _shots(CROWDHUMAN, "val", 0, crowdhuman, frames_per_scene, val_share)
    shots = first + _shots(SHANGHAITECH, "test", len(first), shanghaitech, frames_per_scene, test_share)
    folder.mkdir(parents=True, exist_ok=True)
    for killed in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(killed, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
    try:
        written = _map(partial(_write_shot, scratch, style), shots, workers)
        write_crowdhuman(
            folder / CROWDHUMAN, [w for w, s in zip(written, shots, strict=True) if s.archive == CROWDHUMAN]
        )
        write_shanghaitech(
            folder / SHANGHAITECH_ZIP, [w for w, s in zip(written, shots, strict=True) if s.archive == SHANGHAITECH]
        )
        rows = sorted((row for w in written for row in w.rows), key=lambda row: str(row["path"]))
        with atomic_path(folder / TRUTH) as temporary:
            pq.write_table(pa.Table.from_pylist(rows, SCHEMA), temporary, compression="zstd")
    finally:
        shutil.rmtree(scratch)


def write_crowdhuman(folder: Path, written: list[Written]) -> None:
    """Pack the images and annotation lines of CrowdHuman shots, split by split."""
    for split, name in CROWDHUMAN_ZIPS.items():
        members = {member: path for w in written for s, member, path in w.members if s == split}
        if members:
            lines = sorted(record for w in written for s, record in w.records if s == split)
            pack_zip(folder / name, members)
            write_text(folder / f"annotation_{split}.odgt", "".join(f"{line}\n" for line in lines))


def write_shanghaitech(path: Path, written: list[Written]) -> None:
    """Pack the images and .mat files of ShanghaiTech shots into one zip."""
    members = {member: file for w in written for _, member, file in w.members}
    if members:
        pack_zip(path, members)


def people_in_frame(style: Style, scene: int, frame: int) -> int:
    """Return how many people a frame holds, or nobody.

    Its crowd is log-uniform by itself, or the scene's, which is log-uniform, times a factor of the frame's own.
    """
    rng = generator(style.seed, STAGE, f"crowd-{scene}")
    low, high = math.log(max(style.min_people, 1)), math.log(max(style.max_people, 1))
    crowd = rng.uniform(low, high)
    own = generator(style.seed, STAGE, f"crowd-{scene}/{frame}")
    if style.max_people == 0 or own.random() < style.empty_share:
        return 0
    drawn = crowd + own.uniform(-0.4, 0.4) if style.crowd_of == "scene" else own.uniform(low, high)
    return int(np.clip(round(math.exp(drawn)), max(style.min_people, 1), style.max_people))


def mat_bytes(points: np.ndarray) -> bytes:
    """Return a ShanghaiTech .mat file of (N, 2) 0-based x, y: a struct in a cell, 1-based float64 points."""
    from scipy.io import savemat

    info = np.empty((1, 1), [("location", object), ("number", object)])
    info[0, 0] = (np.asarray(points, np.float64).reshape(-1, 2) + 1, np.array([[len(points)]], np.uint16))
    cell = np.empty((1, 1), object)
    cell[0, 0] = info
    buffer = io.BytesIO()
    savemat(buffer, {"image_info": cell})
    return MAT_HEADER + buffer.getvalue()[len(MAT_HEADER) :]


def odgt_record(frame: Frame, image_id: str) -> str:
    """Return the annotation line of a frame: people as boxes, statues as ``mask``, people hardly seen with ignore 1."""
    people = frame.people
    boxes = []
    for i in range(len(people)):
        if not people.counted[i] and not people.visible_pixels[i]:
            continue
        extra = {"box_id": len(boxes), "occ": int(people.visible_share[i] < UNTOUCHED)}
        head = {"ignore": 0, "occ": int(people.head_share[i] < UNTOUCHED), "unsure": int(not people.head_share[i])}
        if not people.counted[i]:
            extra["ignore"] = 1
        hbox, fbox, vbox = (box[i].tolist() for box in (people.head_box, people.full_box, people.visible_box))
        box = {"fbox": fbox, "tag": "person", "hbox": hbox, "extra": extra, "vbox": vbox, "head_attr": head}
        boxes.append(box if frame.index % 2 else dict(sorted(box.items(), reverse=True)))
    for lookalike in frame.scene.lookalikes.tolist():
        boxes.append(
            {
                "tag": "mask",
                "hbox": lookalike,
                "head_attr": {},
                "fbox": lookalike,
                "vbox": lookalike,
                "extra": {"ignore": 1},
            }
        )
    return json.dumps({"ID": image_id, "gtboxes": boxes})


def _check(low: int, high: int, crowdhuman: int, shanghaitech: int, frames: int, workers: int) -> None:
    if low > high:
        raise ThrongError(f"render.min_people ({low}) is larger than render.max_people ({high}): swap them")
    if min(low, crowdhuman, shanghaitech) < 0 or min(frames, workers) < 1:
        raise ThrongError("rendered archives need counts of 0 or more, and at least one frame per scene and one worker")


def _shots(archive: str, held_out: str, first_scene: int, images: int, frames: int, share: float) -> list[Shot]:
    """Spread ``images`` over scenes; the last ``share`` of them are held out. Numbers restart in each split."""
    scenes = -(-images // frames)
    kept = scenes - min(round(scenes * share), max(scenes - 1, 0))
    shots = []
    for index in range(scenes):
        split, before = ("train", index) if index < kept else (held_out, index - kept)
        left = images - index * frames
        shots.append(Shot(archive, split, first_scene + index, min(frames, left), before * frames + 1))
    return shots


def _map(task: partial[Written], shots: list[Shot], workers: int) -> list[Written]:
    if workers == 1 or len(shots) < 2:
        return [task(shot) for shot in shots]
    with ProcessPoolExecutor(min(workers, len(shots)), multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(task, shots))


def file_of(image: np.ndarray, camera: Camera, archive: str) -> bytes:
    """Return the JPEG of an (H, W, 3) uint8 image as an archive holds it, with the camera's EXIF where there is any."""
    jpeg = encode_jpeg(image)
    # published files of ShanghaiTech say nothing of their cameras
    return with_exif(jpeg, camera) if archive == CROWDHUMAN else jpeg


def _write_shot(scratch: Path, style: Style, shot: Shot) -> Written:
    scene = make_scene(style.seed, shot.scene, style.width, style.height)
    written = Written([], [], [])
    for index in range(shot.frames):
        frame = render_frame(scene, index, people_in_frame(style, shot.scene, index))
        jpeg = file_of(frame.image, frame.camera, shot.archive)
        file = scratch / f"{shot.scene}-{index}.jpg"
        file.write_bytes(jpeg)
        name = _crowdhuman if shot.archive == CROWDHUMAN else _shanghaitech
        path = name(frame, shot, file, hashlib.sha256(jpeg).hexdigest(), written)
        written.rows.append(truth_row(frame, shot.archive, shot.split, path))
    return written


def _crowdhuman(frame: Frame, shot: Shot, file: Path, digest: str, written: Written) -> str:
    image_id = f"{FIRST_PREFIX + shot.scene},{digest[:16]}"
    member = f"Images/{image_id}.jpg"
    written.members.append((shot.split, member, file))
    written.records.append((shot.split, odgt_record(frame, image_id)))
    return f"{CROWDHUMAN}/{CROWDHUMAN_ZIPS[shot.split]}/{member}"


def _shanghaitech(frame: Frame, shot: Shot, file: Path, _digest: str, written: Written) -> str:
    base = f"ShanghaiTech/part_B/{shot.split}_data"
    number = shot.first_number + frame.index
    member = f"{base}/images/IMG_{number}.jpg"
    labels = file.with_suffix(".mat")
    labels.write_bytes(mat_bytes(frame.people.head_point[frame.people.counted]))
    written.members.append((shot.split, member, file))
    written.members.append((shot.split, f"{base}/ground-truth/GT_IMG_{number}.mat", labels))
    return f"{SHANGHAITECH_ZIP}/{member}"
