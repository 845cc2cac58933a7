"""Content Credentials of released images, signed by who releases them, in a file beside the release.

C2PA manifests (C2PA Technical Specification 2.2) hold random salts, and most signatures are random too: written into
the images they would give another file, another hash and another version of every image each time. So images stay as
they are, and each manifest, bound to its image's bytes by their hash, is a row of a Parquet file of its own.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from throng.errors import ThrongError, first_line
from throng.files import atomic_path
from throng.manifest import column
from throng.release import xmp
from throng.release.containers.files import mime_type
from throng.release.index import read_index
from throng.release.products import PRODUCTS

ROWS = 64
SCHEMA = pa.schema(
    [
        column("sha256", pa.string(), "sha256 of the image's file as released, hex"),
        column("digital_source_type", pa.string(), "IPTC term that the image states in its XMP"),
        column("manifest", pa.binary(), "C2PA manifest store of the image, JUMBF"),
    ]
)


class Signature(NamedTuple):
    """A certificate chain and its private key, PEM files; algorithm as C2PA names it; URL that gives the time."""

    certificate: Path
    key: Path
    algorithm: str = "es256"
    authority: str | None = None


def sign(release: Path, target: Path, signature: Signature) -> int:
    """Write a manifest for every image of a release that states how it was made; return how many.

    ``target`` is a Parquet file outside of the release. Raises ThrongError when c2pa-python is missing, or the
    certificate, the key and the algorithm do not belong together.
    """
    library = _library()
    if target.resolve().is_relative_to(release.resolve()):
        raise ThrongError(f"{target} would lie inside the release, which may not change; write it beside {release}")
    index, done = read_index(release), 0
    with atomic_path(target) as temporary, pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
        for rows in _batched(_marked(release, index)):
            signed = [(sha256, term, _manifest(library, data, term, index, signature)) for sha256, term, data in rows]
            columns = dict(zip(SCHEMA.names, zip(*signed, strict=True), strict=True))
            writer.write_table(pa.table({name: list(values) for name, values in columns.items()}, schema=SCHEMA))
            done += len(signed)
    return done


def check(release: Path, credentials: Path) -> int:
    """Check that every marked image of a release has a manifest that is bound to its bytes; return how many.

    Whether the certificate is to be trusted is for who checks to decide, and is not looked at. Raises ThrongError
    naming the first image without a manifest, or with one that does not hold.
    """
    library = _library()
    try:
        table = pq.read_table(credentials, schema=SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise ThrongError(f"{credentials} is no file of credentials: {first_line(error)}") from error
    manifests = dict(zip(table["sha256"].to_pylist(), table["manifest"], strict=True))
    done = 0
    for sha256, term, data in _marked(release, read_index(release)):
        if sha256 not in manifests:
            raise ThrongError(f"{credentials} has no manifest for image {sha256}; sign the release again")
        found = _read(library, data, manifests[sha256].as_py(), sha256)
        if found["validation_state"] == "Invalid":
            codes = ", ".join(status["code"] for status in found.get("validation_status", []))
            raise ThrongError(f"the manifest of image {sha256} does not hold: {codes}")
        if xmp.SCHEME + term not in json.dumps(found["manifests"]):
            raise ThrongError(f"the manifest of image {sha256} does not say {term}, as its XMP does")
        done += 1
    return done


def _library() -> ModuleType:
    try:
        import c2pa  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ThrongError(
            f"content credentials need a library that is missing: pip install c2pa-python ({error})"
        ) from error
    return c2pa


def _manifest(library: Any, data: bytes, term: str, index: dict[str, Any], by: Signature) -> bytes:
    kind = mime_type(data)
    said = {
        "claim_generator_info": [{"name": "throng"}],
        "title": f"{index['name']} {index['version']}",
        "format": kind,
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": xmp.SCHEME + term}]},
            }
        ],
    }
    try:
        info = library.C2paSignerInfo(
            alg=by.algorithm,
            sign_cert=by.certificate.read_bytes(),
            private_key=by.key.read_bytes(),
            ta_url=by.authority,
        )
        context = library.Context.from_dict({"builder": {"thumbnail": {"enabled": False}}})
        with library.Signer.from_info(info) as signer, library.Builder(json.dumps(said), context) as builder:
            builder.set_no_embed()
            return builder.sign(signer, kind, io.BytesIO(data), io.BytesIO())
    except (OSError, library.C2paError) as error:
        raise ThrongError(
            f"cannot sign with {by.certificate}, its key and algorithm {by.algorithm}: {first_line(error)}"
        ) from error


def _read(library: Any, data: bytes, manifest: bytes, sha256: str) -> dict[str, Any]:
    try:
        with library.Reader(mime_type(data), io.BytesIO(data), manifest_data=manifest) as reader:
            return json.loads(reader.json())
    except library.C2paError as error:
        raise ThrongError(f"the manifest of image {sha256} cannot be read: {first_line(error)}") from error


def _marked(release: Path, index: dict[str, Any]) -> Iterator[tuple[str, str, bytes]]:
    """Yield sha256, digital source type and bytes of every image that states one, each once."""
    seen: set[str] = set()
    for file in index["files"]:
        if file["config"] not in PRODUCTS or not file["path"].endswith(".parquet"):
            continue
        for batch in pq.ParquetFile(release / file["path"]).iter_batches(
            ROWS, columns=list(PRODUCTS[file["config"]].images)
        ):
            for images in batch.columns:
                for image in images.field("bytes"):
                    data = image.as_py()
                    sha256 = hashlib.sha256(data).hexdigest()
                    if sha256 not in seen and (term := xmp.digital_source_type(data)):
                        yield sha256, term, data
                    seen.add(sha256)


def _batched(images: Iterator[tuple[str, str, bytes]]) -> Iterator[list[tuple[str, str, bytes]]]:
    rows: list[tuple[str, str, bytes]] = []
    for image in images:
        rows.append(image)
        if len(rows) == ROWS:
            yield rows
            rows = []
    if rows:
        yield rows
