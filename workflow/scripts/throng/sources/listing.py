"""Every file below a root, in a fixed order, through zips in place, with what is wrong with each known unread."""

import dataclasses
import os
import posixpath
import stat
import zipfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from throng.errors import ThrongError
from throng.images import SUFFIXES

IMAGE_SUFFIXES = frozenset(
    SUFFIXES
    | {".gif", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".psd"}  # rejected with a reason instead of passed over
)
ANNOTATION_SUFFIXES = frozenset([".odgt", ".mat"])
# of other methods nobody can say beforehand how much memory a member takes
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LOCAL_HEADER = 30  # bytes, its name apart
Read = Callable[[str], bytes]


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """A file by its path below the root (``a/b.zip/c.jpg`` runs through a zip), its size in bytes, and its problem."""

    path: str
    size: int
    problem: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The path's parts, whichever slash the archive was written with."""
        return tuple(self.path.replace("\\", "/").split("/"))

    @property
    def stem(self) -> str:
        """The file's name without its last suffix."""
        return posixpath.splitext(self.parts[-1])[0]

    @property
    def suffix(self) -> str:
        """The last suffix of the file's name in small letters, its dot included."""
        return posixpath.splitext(self.parts[-1])[1].lower()

    @property
    def is_image(self) -> bool:
        """Whether the name says that this is an image."""
        return self.suffix in IMAGE_SUFFIXES

    @property
    def is_annotation(self) -> bool:
        """Whether the name says that this is an annotation file of a format that is read here."""
        return self.suffix in ANNOTATION_SUFFIXES

    @property
    def packed(self) -> bool:
        """Whether the file lies in a zip below the root."""
        return any(part.lower().endswith(".zip") for part in self.parts[:-1])


def list_files(root: Path, max_bytes: int) -> list[File]:
    """Return the files below ``root`` (a folder, or one .zip), sorted by path; hidden ones are left out.

    A file that must not or cannot be read stays in the list with its problem: an unsafe or repeated name in a zip, a
    broken archive, a link that leads nowhere or round in a circle, a pipe, more than ``max_bytes``. Links are followed
    once. Raises ThrongError when the root itself is missing.
    """
    if root.suffix.lower() == ".zip" and root.is_file():
        files = list(_members(root, "", max_bytes))
    elif root.is_dir():
        files = list(_walk(root, max_bytes))
    else:
        raise ThrongError(f"{root} is neither a folder nor a .zip; correct the source's root or data_root")
    return sorted(files, key=lambda file: file.path)


def _walk(root: Path, max_bytes: int) -> Iterator[File]:
    """Walk real folders before linked ones, so that a folder reached both ways is listed by its own name."""
    waiting, linked = [""], deque[str]()
    seen: set[tuple[int, int]] = set()
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.popleft()
        try:
            status = (root / folder).stat()
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError as error:
            yield _file(folder, 0, f"unreadable: {error.strerror}")
            continue
        if (status.st_dev, status.st_ino) in seen:
            yield _file(folder, 0, "unreadable: a link to a folder that is listed already")
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if _hidden(entry.name):
                continue
            if not _is_folder(entry):
                yield from _found(root / name, name, max_bytes)
            elif entry.name.lower().endswith(".zip"):
                yield _file(name, 0, "unreadable: a folder whose name ends in .zip, rename it")
            else:
                (linked if entry.is_symlink() else waiting).append(name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _found(path: Path, name: str, max_bytes: int) -> Iterator[File]:
    try:
        status = path.stat()
    except OSError as error:
        yield _file(name, 0, f"unreadable: {error.strerror}")
        return
    if not stat.S_ISREG(status.st_mode):
        yield _file(name, 0, "unreadable: not a regular file")
    elif path.suffix.lower() == ".zip":
        yield from _members(path, name, max_bytes)
    else:
        yield _file(name, status.st_size, _oversize(status.st_size, max_bytes))


def _members(archive: Path, name: str, max_bytes: int) -> Iterator[File]:
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.filename.endswith("/")]
    except (OSError, zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        if not name:
            raise ThrongError(f"{archive} cannot be opened as a zip ({error}); fetch it again") from error
        yield _file(name, 0, "unreadable: the archive is damaged or no zip, fetch it again")
        return
    times = Counter(member.filename for member in members)
    overlapping = _overlapping(members)
    for member in {member.filename: member for member in members}.values():
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if any(_hidden(part) for part in parts if part not in ("..", "/")):
            continue
        path = f"{name}/{member.filename}" if name else member.filename
        if not parts or ".." in parts or member.filename.startswith(("/", "\\")) or parts[0][1:2] == ":":
            problem = "unsafe path: the archive's member would leave the folder it is unpacked to"
        elif times[member.filename] > 1:
            problem = f"ambiguous: the archive holds this name {times[member.filename]} times"
        elif member.filename in overlapping:
            problem = "unreadable: the archive keeps two members in the same bytes, fetch it again"
        elif member.flag_bits & 1:
            problem = "unreadable: the archive's member is encrypted"
        elif member.compress_type not in PACKED:
            problem = f"unreadable: packed by method {member.compress_type}, pack the archive again with deflate"
        else:
            problem = _oversize(member.file_size, max_bytes)
        yield _file(path, member.file_size, problem)


def _overlapping(members: Iterable[zipfile.ZipInfo]) -> set[str]:
    """Return the names of members that begin before the one in front of them ends: a few bytes unpacked many times."""
    found: set[str] = set()
    end, last = 0, ""
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            found |= {last, member.filename}
        here = member.header_offset + LOCAL_HEADER + len(member.filename) + member.compress_size
        if here > end:
            end, last = here, member.filename
    return found


def _file(path: str, size: int, problem: str) -> File:
    try:
        path.encode()
    except UnicodeEncodeError:
        path = path.encode("utf-8", "backslashreplace").decode()
        problem = "unsafe path: the name is not UTF-8, rename it"
    return File(path, size, problem)


def _oversize(size: int, max_bytes: int) -> str:
    return f"too large: {size} bytes, more than an image of max_pixels can have" if size > max_bytes else ""


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini")
