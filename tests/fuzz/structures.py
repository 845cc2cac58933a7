"""Files whose outside is right and whose inside is not: what flipped bits never reach behind a checksum.

Each function takes one good file and returns another that opens as the same format, with lies inside.
"""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Change = Callable[[bytes, random.Random], bytes]

DEEP = 3000
TEXTS = (
    "", "../../../etc/passwd", "/etc/passwd", "C:\\x", "a\0b", "\ud800", "\u202e\u0000", "x" * 70_000, "-rf", "$(id)",
    "</script><script>", "NaN", "e\u0301", "é", "{0}", "%s", "..", ".", "a/../../b", "\n",
)  # fmt: skip
VALUES = (
    -1, 0, 1, 2**31, 2**63, 2**64, 10**400, -(10**30), 1e308, 1e-320, float("nan"), float("inf"), True, None, [], {},
    [[]], {"": None}, *TEXTS,
)  # fmt: skip


def json_document(data: bytes, rng: random.Random) -> bytes:
    """Replace, remove, double or nest one to three values of a JSON document."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    for _ in range(rng.randint(1, 3)):
        document = _altered(document, rng)
    text = json.dumps(document)
    if rng.random() < 0.1:  # an object may say a key twice, which no tree of values shows
        at = text.find("{") + 1
        text = text[:at] + '"format": 1, "format": {}, ' + text[at:]
    if rng.random() < 0.05:
        text = text.replace("null", "[" * DEEP + "]" * DEEP, 1).replace("0", "[" * DEEP + "]" * DEEP, 1)
    return text.encode("utf-8", "surrogatepass")


def json_lines(data: bytes, rng: random.Random) -> bytes:
    """Change one line of a file of JSON lines."""
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    lines[at] = json_document(lines[at], rng)
    return b"\n".join(lines) + b"\n"


def _altered(document: Any, rng: random.Random) -> Any:
    places = list(_places(document))
    if not places:
        return rng.choice(VALUES)
    holder, key = rng.choice(places)
    deed = rng.random()
    if deed < 0.15:
        del holder[key]
    elif deed < 0.25 and isinstance(holder, list):
        holder.insert(key, holder[key])
    elif deed < 0.35 and isinstance(holder, dict):
        holder[rng.choice(TEXTS)] = holder.pop(key)
    elif deed < 0.45:
        other, place = rng.choice(places)
        if place in other if isinstance(other, dict) else place < len(other):
            holder[key] = json.loads(json.dumps(other[place]))
    else:
        holder[key] = rng.choice(VALUES)
    return document


def _places(node: Any) -> Any:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(items):
        yield node, key
        yield from _places(value)


def parquet_cells(data: bytes, rng: random.Random) -> bytes:
    """Write a Parquet file again with cells, columns, types or the footer's words changed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    footer, rows = dict(table.schema.metadata or {}), table.to_pylist()
    deed = rng.random()
    try:
        if deed < 0.5:
            for _ in range(rng.randint(1, 4)):
                _altered(rows, rng)
            rows = [row for row in rows if isinstance(row, dict)]
            table = pa.Table.from_pylist(rows, schema=None if rng.random() < 0.5 else table.schema)
        elif deed < 0.6:
            table = table.drop_columns([rng.choice(table.schema.names)])
        elif deed < 0.7:
            table = pa.concat_tables([table] * rng.choice((0, 2, 50))) if rng.random() < 0.9 else table.slice(0, 0)
        elif deed < 0.85:
            at = rng.randrange(table.num_columns)
            wrong = pa.array(rng.choices(VALUES[:11], k=table.num_rows), rng.choice((pa.float64(), pa.float32())))
            table = table.set_column(at, table.schema.names[at], wrong)
        else:
            key = rng.choice([*footer] or [b"x"])
            footer[key] = json_document(footer.get(key, b"{}"), rng)
        out = io.BytesIO()
        pq.write_table(table.replace_schema_metadata(footer), out, row_group_size=rng.choice((1, 1000)))
    except (pa.ArrowException, OverflowError, TypeError, ValueError, UnicodeError):
        return data  # Arrow cannot hold this change
    return out.getvalue()


def safetensors_header(data: bytes, rng: random.Random) -> bytes:
    """Change the header of a safetensors file, or the JSON card inside it, and state the header's length again."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    said = header.get("__metadata__", {})
    if said and rng.random() < 0.7:
        key = rng.choice(sorted(said))
        said[key] = json_document(said[key].encode(), rng).decode("utf-8", "replace")
        text = json.dumps(header).encode()
    else:
        text = json_document(json.dumps(header).encode(), rng)
    length = len(text) if rng.random() < 0.95 else rng.choice((0, 2**63, 2**40, 10**8))
    return struct.pack("<Q", length) + text + data[8 + struct.unpack("<Q", data[:8])[0] :]


def png_chunks(data: bytes, rng: random.Random) -> bytes:
    """Change chunks of a PNG, their checksums right: sizes in the header, pixels that inflate without end, order."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    deed = rng.random()
    if deed < 0.3:
        width, height = (rng.choice((0, 1, 33, 2000, 65_500, 2**31 - 1, 2**32 - 1)) for _ in range(2))
        chunks[0] = (chunks[0][0], struct.pack(">II", width, height) + chunks[0][1][8:])
    elif deed < 0.45:
        head = bytearray(chunks[0][1])
        head[rng.randrange(8, 13)] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
        chunks[0] = (chunks[0][0], bytes(head))
    elif deed < 0.6:
        bomb = zlib.compress(b"\0" * rng.choice((10**5, 10**7)), 9)
        chunks = [(kind, bomb if kind == b"IDAT" else body) for kind, body in chunks]
    elif deed < 0.75:
        text = zlib.compress(b"A" * 10**7, 9)
        kind = rng.choice((b"zTXt", b"iCCP", b"iTXt"))
        chunks.insert(1, (kind, b"x\0\0" + (b"\0\0\0" if kind == b"iTXt" else b"") + text))
    elif deed < 0.9:
        rng.shuffle(chunks)
    else:
        chunks.insert(rng.randrange(len(chunks)), rng.choice(chunks))
    return data[:8] + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg_frame(data: bytes, rng: random.Random) -> bytes:
    """Let a JPEG's frame header state another size, precision or number of components."""
    at = next((place for mark in range(0xC0, 0xC3) if (place := data.find(bytes((0xFF, mark)))) > 0), 0)
    if not at or at + 10 > len(data):
        return data
    changed = bytearray(data)
    deed = rng.random()
    if deed < 0.7:
        size = (rng.choice((0, 1, 2000, 65_500, 65_535)) for _ in range(2))
        changed[at + 5 : at + 9] = struct.pack(">HH", *size)
    else:
        changed[rng.choice((at + 1, at + 4, at + 9, at + 11))] = rng.choice((0, 1, 2, 3, 4, 8, 12, 16, 0xC0, 0xC2, 255))
    return bytes(changed)


def bitmap_size(data: bytes, rng: random.Random) -> bytes:
    """Let a BMP state another size, depth or compression."""
    changed = bytearray(data)
    at, form = rng.choice(((18, "<i"), (22, "<i"), (28, "<H"), (30, "<I"), (10, "<I"), (14, "<I"), (46, "<I")))
    absurd = (0, 1, 4, 8, 12, 24, 32, 40, 1900, 65_500)
    struct.pack_into(form, changed, at, rng.choice(absurd))
    return bytes(changed)


def tiff_tags(data: bytes, rng: random.Random) -> bytes:
    """Change entries of a TIFF's first directory: sizes, offsets, compression, strips."""
    changed = bytearray(data)
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    if start + 2 > len(data):
        return data
    (entries,) = struct.unpack_from(order + "H", data, start)
    for _ in range(rng.randint(1, 2)):
        at = start + 2 + 12 * rng.randrange(max(1, entries))
        if at + 12 <= len(data):
            form, place = rng.choice((("I", at + 8), ("I", at + 8), ("I", at + 4), ("H", at + 2), ("H", at)))
            values = (0, 1, 5, 7, 8, 32, 2000, 65_500, 32773, 34712)
            struct.pack_into(order + form, changed, place, rng.choice(values))
    return bytes(changed)


def zip_members(data: bytes, rng: random.Random) -> bytes:
    """Write an archive again with hostile names, doubled members, bombs, other methods, or lies in its directory."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    for _ in range(rng.randint(0, 2)):
        at = rng.randrange(len(members))
        name, body = members[at]
        deed = rng.random()
        if deed < 0.4:
            strange = rng.choice(
                ("../", "/", "C:/", "a\\..\\..\\", "./", "//", "e\u0301/", "x" * 300 + "/", "", ".zip/")
            )
            members[at] = (rng.choice((strange + name, name.upper(), name + "\\", name + ".", strange)), body)
        elif deed < 0.6:
            members.append((name, body[::-1]))
        elif deed < 0.8:
            members[at] = (name, b"\0" * 5 * 10**6)
        else:
            members[at] = (name, data)
    out = io.BytesIO()
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with zipfile.ZipFile(out, "w", rng.choice(methods)) as archive:
        for name, body in members:
            info = zipfile.ZipInfo(name or "x")
            info.external_attr = rng.choice((0o644, 0o120777, 0o060600, 0)) << 16
            archive.writestr(info, body, compress_type=archive.compression)
    return _lied(bytearray(out.getvalue()), rng)


def _lied(data: bytearray, rng: random.Random) -> bytes:
    """Change numbers of a record of the central directory: flags, method, checksum, sizes, lengths, offset."""
    if rng.random() < 0.5:
        return bytes(data)
    records = []
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        records.append(at)
        at = data.find(b"PK\x01\x02", at + 1)
    place = rng.choice(records)
    at, form = rng.choice(
        ((8, "H"), (10, "H"), (20, "I"), (24, "I"), (24, "I"), (28, "H"), (30, "H"), (42, "I"), (42, "I"))
    )
    absurd = (0, 1, 8, 12, 14, 93, 0xFFFF) if form == "H" else (0, 1, 30, 10**6, 2**31, 2**32 - 2, 2**32 - 1)
    struct.pack_into("<" + form, data, place + at, rng.choice(absurd))
    return bytes(data)


def mat_contents(_: bytes, rng: random.Random) -> bytes:
    """Return ShanghaiTech's annotation with wrong shapes, types, nesting or numbers."""
    import numpy as np
    from scipy.io import savemat

    cell = np.empty((1, 1), object)
    cell[0, 0] = np.ones((2, 2))
    locations = (
        np.ones((0, 2)), np.ones((3, 2)), np.ones((2, 3)), np.ones((2, 2, 2)), np.full((2, 2), np.nan), np.ones((5, 1)),
        np.full((1, 2), 1e300), -np.ones((4, 2)), np.array(["a", "b"]), np.ones((2, 2)) * 1j, cell, {"x": cell},
        np.ones((2, 2), bool), np.array([[2**63, 1]], np.uint64), np.ones((4_000, 2)), np.ones((1, 2), np.int8),
    )  # fmt: skip
    numbers = (3, -1, np.nan, 1e300, "3", cell, np.ones((3, 3)), 1j, np.inf, [])
    info = np.empty(rng.choice(((1, 1), (1, 1), (2, 1), (0, 0))), object)
    for at in np.ndindex(info.shape):
        info[at] = {"location": rng.choice(locations), "number": rng.choice(numbers)}
    out = io.BytesIO()
    name = rng.choice(("image_info", "image_info", "image_info", "info"))
    savemat(out, {name: rng.choice((info, info, info[0:1], np.ones(3)))}, do_compression=rng.random() < 0.5)
    data = bytearray(out.getvalue())
    if rng.random() < 0.5 and len(data) > 140:  # the types and lengths of elements stand at multiples of eight
        at = 128 + 8 * rng.randrange(min(60, (len(data) - 136) // 8))
        kinds = (0, 8, 10, 11, 19, 20, 21, 255, 2**31, 2**32 - 1, 1, 5, 6, 14)
        struct.pack_into("<I", data, at + rng.choice((0, 4)), rng.choice(kinds))
    return bytes(data)


def yaml_tree(data: bytes, rng: random.Random) -> bytes:
    """Change values of a YAML document, or add what YAML alone can do: aliases of aliases, tags, doubled keys."""
    import yaml

    deed = rng.random()
    if deed < 0.1:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 9)]
        return ("\n".join(lines) + "\ningest: *a8\n").encode()
    if deed < 0.2:
        tag = rng.choice(("!!python/object/apply:os.system [id]", "!!python/name:os.system", "!!binary x", "!x y"))
        return data + f"\nseed: {tag}\n".encode()
    if deed < 0.25:
        return data + b"\nseed: &s [*s]\n"
    try:
        tree = yaml.safe_load(data)
        for _ in range(rng.randint(1, 3)):
            tree = _altered(tree, rng)
        return yaml.safe_dump(tree).encode("utf-8", "surrogatepass")
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return data


def tar_headers(data: bytes, rng: random.Random) -> bytes:
    """Change fields of one to three headers of a tar archive, their checksums right."""
    changed, places, at = bytearray(data), [], 0
    while at + 512 <= len(data) and data[at]:
        places.append(at)
        at += 512 + -(-int(data[at + 124 : at + 135] or b"0", 8) // 512) * 512
    for place in (rng.choice(places) for _ in range(rng.randint(1, 3))):
        deed = rng.random()
        if deed < 0.35:
            names = (b"../x.jpg", b"/etc/x.json", b"a" * 100, b"x", b".json", b"\xff.jpg", b"a.b.c.d", b"\0", b"-.json")
            changed[place : place + 100] = rng.choice(names).ljust(100, b"\0")
        elif deed < 0.65:
            sizes = (b"00000000000", b"77777777777", b"-0000000001", b" 0x10      ", b"00000001000", b"1_0        ")
            changed[place + 124 : place + 135] = rng.choice(sizes)
        else:
            changed[place + 156] = rng.choice(b"1234567LKxgSNV")
        changed[place + 148 : place + 156] = b" " * 8
        changed[place + 148 : place + 156] = f"{sum(changed[place : place + 512]):06o}\0 ".encode()
    return bytes(changed)


def delimited(separator: str) -> Change:
    """Return what changes cells of a table whose cells a character parts."""

    def change(data: bytes, rng: random.Random) -> bytes:
        rows = [line.split(separator) for line in data.decode("utf-8", "replace").splitlines()]
        for _ in range(rng.randint(1, 3)):
            row = rng.choice(rows) if rows else []
            if row:
                row[rng.randrange(len(row))] = str(rng.choice(VALUES)).replace("\n", "")
        return "\n".join(map(separator.join, rows)).encode("utf-8", "surrogatepass")

    return change


def front_matter(data: bytes, rng: random.Random) -> bytes:
    """Change the YAML between the first two lines of three dashes of a card."""
    parts = data.split(b"---\n")
    parts[1] = yaml_tree(parts[1], rng)
    return b"---\n".join(parts)
