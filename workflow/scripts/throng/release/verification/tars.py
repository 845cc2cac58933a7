"""One tar shard: every header, every sample, every image in it."""

import json
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.provenance import canonical_json
from throng.release.products import PRODUCTS, Product
from throng.release.records import record_digest
from throng.release.shards import Written, member_name
from throng.release.tar import BLOCK, header
from throng.release.verification.found import Found
from throng.release.verification.images import sha256_of

END = 2 * BLOCK
EXTENSIONS = ("jpg", "png")


def check_tar(folder: Path, file: Written) -> Found:
    """Check a tar shard: headers as throng writes them, whole samples with the same members, images as their json says.

    Raises ThrongError naming the first member or sample that is not so. The rows of its json are in the result, to be
    held against the Parquet shards.
    """
    product, found = PRODUCTS[file.config], Found(file.config, file.split)
    for key, fields in _samples(folder / file.path):
        where = f"{folder / file.path}, sample {key}"
        if not found.members:
            found.members = frozenset(fields)
        if fields.keys() != found.members:
            raise ThrongError(f"{where}: has {sorted(fields)}, the first sample has {sorted(found.members)}")
        found.add(key, _digest(product, file.split, key, fields, where))
    if found.rows != file.rows:
        raise ThrongError(f"{folder / file.path}: {found.rows} samples, index.json says {file.rows}")
    return found


def _digest(product: Product, split: str, key: str, fields: dict[str, memoryview], where: str) -> str:
    row = _json(fields, where)
    names = {f"{column}_path" for column in product.images}
    if row.keys() != {*product.fields.names, *names} or row["id"] != key or row["split"] != split:
        raise ThrongError(f"{where}: its json is not a row of {product.name} with this id in split {split!r}")
    for column in product.images:
        wanted = [name for kind in EXTENSIONS if (name := member_name(product, column, kind)) in fields]
        if len(wanted) != 1 or len(fields) != 1 + len(product.images):
            raise ThrongError(f"{where}: has members {sorted(fields)}, expected json and one for each image")
        sha256 = sha256_of(fields[wanted[0]])
        if sha256 != row[product.hashes[column]] or str(row[f"{column}_path"]).partition(".")[0] != sha256[:16]:
            raise ThrongError(f"{where}: member {wanted[0]} is not the image that its json names")
    return record_digest({name: value for name, value in row.items() if name not in names})


def _json(fields: dict[str, memoryview], where: str) -> dict[str, Any]:
    try:
        row = json.loads(bytes(fields["json"]))
    except (KeyError, ValueError) as error:
        raise ThrongError(f"{where}: has no readable json ({error})") from error
    if not isinstance(row, dict) or canonical_json(row).encode() != fields["json"]:
        raise ThrongError(f"{where}: its json is no row as throng writes it")
    return row


def _samples(path: Path) -> Iterator[tuple[str, dict[str, memoryview]]]:
    """Yield (key, members by extension); a key is what precedes the first dot, and members of one stand together."""
    current, fields = "", dict[str, memoryview]()
    with path.open("rb") as handle:
        content = memoryview(mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b"")
        for name, data in _members(path, content):
            key, _, extension = name.partition(".")
            if key != current:
                if fields:
                    yield current, fields
                current, fields = key, {}
            if extension in fields:
                raise ThrongError(f"{path}, sample {key}: has member {extension!r} twice")
            fields[extension] = data
        if fields:
            yield current, fields


def _members(path: Path, content: memoryview) -> Iterator[tuple[str, memoryview]]:
    at = 0
    while len(content) - at > END:
        block = bytes(content[at : at + BLOCK])
        try:
            name, size = block[:100].rstrip(b"\0").decode("ascii"), int(block[124:135], 8)
            sound = header(name, size) == block
        except (ValueError, ThrongError):
            sound, name, size = False, "", 0
        padded = at + BLOCK + size + -size % BLOCK
        if not sound or padded + END > len(content) or any(content[at + BLOCK + size : padded]):
            raise ThrongError(f"{path}: at byte {at}, no whole member as throng writes them; download it again")
        yield name, content[at + BLOCK : at + BLOCK + size]
        at = padded
    if len(content) - at != END or any(content[at:]):
        raise ThrongError(f"{path}: at byte {at}, expected the {END} zero bytes that end an archive; download it again")
