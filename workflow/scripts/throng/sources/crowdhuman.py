"""CrowdHuman: ``annotation_<split>.odgt`` beside a folder of images or beside the distributed zips, read in place."""

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from throng.errors import ThrongError
from throng.sources import odgt
from throng.sources.headers import Header
from throng.sources.listing import File, Read
from throng.sources.samples import KEPT_FIRST, UNKNOWN_SPLIT, Labels, Sample, into_frame
from throng.tables.images import Box, Person

OFFICIAL_IMAGES = {"train": 15_000, "val": 4_370}
_HEAD_SHARE = 1 / 7  # of a standing person's height
_SPLIT = re.compile(r"(?<![a-z])(train|val|test)(?![a-z])")


def samples(files: Sequence[File], read: Read) -> list[Sample]:
    """Return one sample per image and one rejected sample per annotation line without an image of its own.

    The split is the annotation file's (``annotation_train.odgt``; train when its name says none). Raises ThrongError
    when there is no .odgt file.
    """
    tables = [file for file in files if file.suffix == ".odgt"]
    if not tables:
        raise ThrongError("no .odgt file was found; CrowdHuman needs annotation_<split>.odgt beside its images")
    images = _Images(files)
    broken = (file for file in files if file.problem and not file.is_image)
    found = [Sample(file.path, file.path, UNKNOWN_SPLIT, "", file.size, file.problem) for file in broken]
    for table in sorted(tables, key=lambda file: (KEPT_FIRST[split_of(file)], file.path)):
        if not table.problem:
            found.extend(_annotated(table, read(table.path), images))
    found.extend(images.left_over())
    return found


def missing(found: Sequence[Sample]) -> Iterator[str]:
    """Yield one sentence per official split whose number of annotated images differs."""
    for split, expected in OFFICIAL_IMAGES.items():
        here = sum(sample.split == split and sample.labels is not None for sample in found)
        if here != expected:
            yield f"{split} has {here} annotated images, the published set has {expected}"


def split_of(table: File) -> str:
    """Return the split that an annotation file's name says, train when it says none."""
    match = _SPLIT.search(table.stem.lower())
    return match[1] if match else "train"


class _Images:
    """The images by ID, each handed out once; of several files of one ID the unpacked one."""

    def __init__(self, files: Sequence[File]) -> None:
        self._by_id: dict[str, list[File]] = defaultdict(list)
        for file in files:
            if file.is_image:
                self._by_id[file.stem].append(file)
        for found in self._by_id.values():
            found.sort(key=lambda file: (bool(file.problem), file.packed, file.path))
        self.first_line: dict[str, str] = {}

    def take(self, name: str, where: str) -> File | None:
        """Return the image of an ID that the line ``where`` names first, None when there is none."""
        self.first_line[name] = where
        return self._by_id[name][0] if name in self._by_id else None

    def left_over(self) -> Iterator[Sample]:
        """Yield rejected samples: images that no line names, and further files of an ID."""
        for name, (first, *others) in sorted(self._by_id.items()):
            if name not in self.first_line:
                problem = first.problem or "no annotation: no line of an .odgt file names this image"
                yield Sample(first.path, name, UNKNOWN_SPLIT, name, first.size, problem)
            for other in others:
                problem = other.problem or f"duplicate ID: {first.path} has the same"
                yield Sample(other.path, other.path, UNKNOWN_SPLIT, name, other.size, problem)


def _annotated(table: File, data: bytes, images: _Images) -> Iterator[Sample]:
    split = split_of(table)
    for line in odgt.lines(data):
        where = f"{table.path}:{line.number}"
        if line.problem:
            yield Sample(where, where, split, "", problem=f"bad annotation: line {line.number}: {line.problem}")
        elif line.id in images.first_line:
            problem = f"duplicate ID: {line.id} is also in {images.first_line[line.id]}, which is kept"
            yield Sample(where, where, split, line.id, problem=problem)
        elif (image := images.take(line.id, where)) is None:
            yield Sample(
                where, where, split, line.id, problem=f"no image: no file is named {line.id} and an image suffix"
            )
        else:
            labels = functools.partial(_labels, line)
            yield Sample(image.path, line.id, split, line.id, image.size, image.problem, labels)


def _labels(line: odgt.Line, header: Header) -> Labels:
    try:
        record = odgt.record(line)
        heads = [head_point(box) for box in record.gtboxes if counted(box)]
    except ThrongError as error:
        raise ThrongError(f"bad annotation: {error}") from error
    points, notes = into_frame(np.array(heads, np.float64).reshape(-1, 2), header.width, header.height)
    return Labels(points, [_person(box) for box in record.gtboxes], notes + _flat(record))


def _flat(record: odgt.Record) -> tuple[str, ...]:
    """Return a note when full boxes of a record have no area."""
    flat = sum(box.fbox is not None and _box(box.fbox) is None for box in record.gtboxes)
    return (f"{flat} full box{'' if flat == 1 else 'es'} without an area: left out",) if flat else ()


def counted(box: odgt.Annotated) -> bool:
    """Tell whether a box is a person who counts: tag ``person`` and not ignored."""
    return box.tag == "person" and not (box.extra and box.extra.ignore)


def head_point(box: odgt.Annotated) -> tuple[float, float]:
    """Return a person's head point: the centre of the head box, else of the top seventh of the full or visible box.

    x, y in pixels from the centre of the top-left pixel. Raises ThrongError for a person without any box.
    """
    for numbers, share in ((box.hbox, 1.0), (box.fbox, _HEAD_SHARE), (box.vbox, _HEAD_SHARE)):
        if numbers is not None and numbers[2] > 0 and numbers[3] > 0:
            x, y, width, height = numbers
            return x + width / 2 - 0.5, y + height * share / 2 - 0.5
    raise ThrongError("a person has neither a head, a full nor a visible box")


def _person(box: odgt.Annotated) -> Person:
    extra, head = box.extra or odgt.Extra(), box.head_attr or odgt.HeadAttributes()
    return Person(
        tag=box.tag,
        box_id=extra.box_id,
        head=_box(box.hbox),
        visible=_box(box.vbox),
        full=_box(box.fbox),
        ignore=not counted(box),
        head_ignore=bool(head.ignore),
        occluded=extra.occ,
        unsure=extra.unsure,
        head_occluded=head.occ,
        head_unsure=head.unsure,
    )


def _box(numbers: odgt.Numbers | None) -> Box | None:
    if numbers is None or numbers[2] <= 0 or numbers[3] <= 0:
        return None
    return Box(x=numbers[0], y=numbers[1], w=numbers[2], h=numbers[3])
