"""A folder or a zip of images as originals to convert, matched with the labels that are known of them."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from throng.conversion.build import Original, UnreadableError
from throng.conversion.label_files import LabelFile, parse_json
from throng.conversion.labels import UNLABELLED, Form, Label
from throng.errors import ThrongError
from throng.images import ImageStore, image_id, split_container
from throng.sources.listing import list_files

MAX_PIXELS = 100_000_000
MAX_BYTES = 8 * MAX_PIXELS + (1 << 20)
SOURCE, OWN_LABELS = "source", "dataset.json"
Mark = tuple[str, int, int]


@dataclass(frozen=True)
class Source:
    """The images below a folder or in a zip, sorted by path, and the labels that lie with them."""

    path: Path
    store: ImageStore
    originals: Sequence[Original]
    labels: LabelFile | None

    def read(self, original: Original) -> bytes:
        """Return the bytes of an image; raises UnreadableError."""
        try:
            return self.store.read_bytes(SOURCE, original.path)
        except ThrongError as error:
            cause = error.__cause__
            said = getattr(cause, "strerror", None) or str(cause)
            raise UnreadableError(f"unreadable: {said}") from error

    def state(self) -> list[Mark]:
        """Return path, size in bytes and time of change of every file, which tell whether the source was changed."""
        inside = self.path.is_dir()
        files = {self.path / split_container(original.path)[0] if inside else self.path for original in self.originals}
        found = [(file.as_posix(), file.stat()) for file in sorted(files) if file.exists()]
        return [(name, status.st_size, status.st_mtime_ns) for name, status in found]


def open_source(path: Path, licence: str) -> Source:
    """List the images of a folder (with its sub-folders and zips) or of a zip.

    Raises ThrongError when it is neither, and when no image is in it.
    """
    if path.is_file() and (path.suffix.lower() != ".zip" or not zipfile.is_zipfile(path)):
        raise ThrongError(f"{path}: not a zip; expected a folder of images or a zip of them")
    files = list_files(path, MAX_BYTES)
    store = ImageStore({SOURCE: path})
    originals = [
        Original(
            id="",
            table="files",
            source="",
            path=file.path,
            split="",
            licence=licence,
            redistributable=False,
            reason=file.problem,
        )
        for file in files
        if file.is_image
    ]
    if not originals:
        others = f"{len(files)} other files" if files else "nothing at all"
        raise ThrongError(f"{path}: no image is in it, but {others}; expected JPEG, PNG, WebP, BMP or TIFF")
    own = next((file for file in files if file.path == OWN_LABELS), None)
    labels = parse_json(store.read_bytes(SOURCE, OWN_LABELS), f"{path}/{OWN_LABELS}") if own else None
    return Source(path, store, originals, labels if labels and labels.labels else None)


def with_labels(source: Source, labels: LabelFile, form: Form, where: str) -> list[Original]:
    """Return the images with their labels and windows; one without a label in the wanted form is rejected.

    Raises ThrongError when a label by path names no image, when no label is of any image, and when the file has no
    label of that form at all.
    """
    if form != "none" and not any(_known(label, form, labels) for label in labels.labels.values()):
        other = "score" if form != "score" else "class"
        raise ThrongError(f"{where}: it holds no label of the form {form!r}; use --label {other}")
    originals = list(source.originals)
    if labels.by_id:
        originals = [original if original.reason else _identified(original, source.read) for original in originals]
    keys = [original.id if labels.by_id else original.path for original in originals]
    missing = sorted(set(labels.labels) - set(keys))
    if missing and (not labels.by_id or len(missing) == len(labels.labels)):
        raise ThrongError(
            f"{where}: {len(missing)} of {len(labels.labels)} labels are of no image in {source.path}, the first is "
            f"{missing[0]!r}; expected paths below it, or ids of its images"
        )
    return [_labelled(original, key, labels, form, where) for original, key in zip(originals, keys, strict=True)]


def _labelled(original: Original, key: str, labels: LabelFile, form: Form, where: str) -> Original:
    label = labels.labels.get(key, UNLABELLED)
    window = labels.windows.get(key)
    reason = original.reason
    if not reason and labels.crop and window is None:
        reason = f"unlabelled: {Path(where).name} does not say which part of it is meant"
    elif not reason and form != "none" and not _known(label, form, labels):
        reason = f"unlabelled: {Path(where).name} says nothing of it"
    return replace(original, window=window, label=label, reason=reason)


def _known(label: Label, form: Form, labels: LabelFile) -> bool:
    return label.written(form, len(labels.classes)) is not None


def _identified(original: Original, read: Callable[[Original], bytes]) -> Original:
    try:
        return replace(original, id=image_id(read(original)))
    except UnreadableError as error:
        return replace(original, reason=str(error))
