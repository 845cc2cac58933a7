"""Content Credentials are bound to the bytes of made images, and kept beside the release."""

import hashlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.release.pictures import pillow_image, saved
from throng.errors import ThrongError
from throng.release import metadata
from throng.release.credentials import Signature, check, sign
from throng.release.index import FORMAT_VERSION

PHOTOGRAPH = saved(pillow_image(40, 30), "JPEG")
EDIT = metadata.with_source_type(saved(pillow_image(40, 30), "PNG"), "composite")
OTHER = metadata.with_source_type(saved(pillow_image(30, 40), "PNG"), "composite")


class Stand:
    """Stands in for c2pa-python: a manifest is what was said and the image's hash, in JSON."""

    C2paError = RuntimeError
    Context = SimpleNamespace(from_dict=lambda settings: settings)
    C2paSignerInfo = dict

    class Open:
        def __init__(self, info: Any) -> None:
            if not info["private_key"].startswith(b"-----BEGIN"):
                raise RuntimeError("no key")

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    Signer = SimpleNamespace(from_info=Open)

    class Builder(Open):
        def __init__(self, said: str, _context: object) -> None:
            self.said, self.beside = said, False

        def set_no_embed(self) -> None:
            self.beside = True

        def sign(self, _signer: object, _kind: str, source: Any, _target: Any) -> bytes:
            assert self.beside
            return json.dumps([hashlib.sha256(source.read()).hexdigest(), self.said]).encode()

    class Reader(Open):
        def __init__(self, _kind: str, source: Any, manifest_data: bytes) -> None:
            sha256, said = json.loads(manifest_data)
            fits = sha256 == hashlib.sha256(source.read()).hexdigest()
            self.found = {"validation_state": "Valid" if fits else "Invalid", "manifests": {"a": json.loads(said)}}
            self.found["validation_status"] = [] if fits else [{"code": "assertion.dataHash.mismatch"}]

        def json(self) -> str:
            return json.dumps(self.found)


def release_of(folder: Path, pairs: list[tuple[bytes, bytes]]) -> Path:
    """A folder that has of a release what signing reads."""
    folder.mkdir()
    images = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [{"image_more": {"bytes": a, "path": "a"}, "image_fewer": {"bytes": b, "path": "b"}} for a, b in pairs]
    pq.write_table(
        pa.Table.from_pylist(rows, schema=pa.schema([("image_more", images), ("image_fewer", images)])),
        folder / "train.parquet",
    )
    index = {"format": "throng-release", "format_version": FORMAT_VERSION, "name": "tiny", "version": "0.1.0"}
    entry = {"config": "ranked_pairs", "path": "train.parquet", "split": "train", "format": "parquet"}
    index |= {"products": {}, "files": [entry]}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture
def signature(tmp_path: Path) -> Signature:
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----")
    (tmp_path / "certificate.pem").write_text("-----BEGIN CERTIFICATE-----")
    return Signature(tmp_path / "certificate.pem", tmp_path / "key.pem")


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", Stand)  # type: ignore[arg-type]


@pytest.mark.usefixtures("stand")
def test_every_made_image_is_signed_once_and_photographs_are_not(tmp_path: Path, signature: Signature) -> None:
    release, target = (
        release_of(tmp_path / "tiny", [(PHOTOGRAPH, EDIT), (PHOTOGRAPH, EDIT), (EDIT, OTHER)]),
        tmp_path / "c",
    )
    before = sorted(path.name for path in release.iterdir())
    assert sign(release, target, signature) == 2
    table = pq.read_table(target)
    assert table["sha256"].to_pylist() == [hashlib.sha256(data).hexdigest() for data in (EDIT, OTHER)]
    assert set(table["digital_source_type"].to_pylist()) == {"composite"}
    said = json.loads(json.loads(table["manifest"][0].as_py())[1])
    assert said["assertions"][0]["data"]["actions"] == [
        {
            "action": "c2pa.created",
            "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/composite",
        }
    ]
    assert check(release, target) == 2
    assert sorted(path.name for path in release.iterdir()) == before


@pytest.mark.usefixtures("stand")
def test_an_image_without_a_manifest_or_with_anothers_is_named(tmp_path: Path, signature: Signature) -> None:
    target = tmp_path / "c"
    sign(release_of(tmp_path / "one", [(PHOTOGRAPH, EDIT)]), target, signature)
    sha256 = hashlib.sha256(OTHER).hexdigest()
    other = release_of(tmp_path / "two", [(EDIT, OTHER)])
    with pytest.raises(ThrongError, match=f"has no manifest for image {sha256}; sign the release again"):
        check(other, target)
    table = pq.read_table(target)
    pq.write_table(table.set_column(0, table.schema.field(0), pa.array([sha256])), target)
    with pytest.raises(ThrongError, match=f"manifest of image {sha256} does not hold: assertion.dataHash.mismatch"):
        check(release_of(tmp_path / "three", [(PHOTOGRAPH, OTHER)]), target)


@pytest.mark.usefixtures("stand")
def test_what_cannot_be_signed_leaves_no_file(tmp_path: Path, signature: Signature) -> None:
    release = release_of(tmp_path / "tiny", [(PHOTOGRAPH, EDIT)])
    signature.key.write_text("secret")
    with pytest.raises(ThrongError, match=r"cannot sign with .*certificate\.pem, its key and algorithm es256: no key"):
        sign(release, tmp_path / "c", signature)
    assert not (tmp_path / "c").exists()
    with pytest.raises(ThrongError, match="would lie inside the release"):
        sign(release, release / "c", signature)


def test_a_missing_library_is_one_sentence(
    tmp_path: Path, signature: Signature, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(ThrongError, match="pip install c2pa-python"):
        sign(release_of(tmp_path / "tiny", [(PHOTOGRAPH, EDIT)]), tmp_path / "c", signature)


def test_the_real_library_signs_what_it_then_finds_whole(tmp_path: Path) -> None:
    pytest.importorskip("c2pa", reason="c2pa-python is not installed")
    signature = certified(tmp_path)
    release, target = release_of(tmp_path / "tiny", [(PHOTOGRAPH, EDIT), (EDIT, OTHER)]), tmp_path / "c"
    assert sign(release, target, signature) == 2
    assert check(release, target) == 2
    table = pq.read_table(target)
    swapped = table.set_column(0, table.schema.field(0), table["sha256"].take([1, 0]))
    pq.write_table(swapped, target)
    with pytest.raises(ThrongError, match=r"does not hold: .*assertion\.dataHash\.mismatch"):
        check(release, target)
    with pytest.raises(ThrongError, match="cannot sign with"):
        sign(release, target, signature._replace(algorithm="ps256"))


def certified(folder: Path) -> Signature:
    """Return a new key with a certificate that a new authority signed for it."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509 import oid

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(oid.NameOID.ORGANIZATION_NAME, name)]) for name in ("issuer", "signer")]
    now = datetime.datetime.now(datetime.UTC)
    chain = []
    for number in range(2):
        issuer = number == 0
        usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
        usage |= {"digital_signature": True, "key_cert_sign": issuer, "crl_sign": issuer}
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[number])
            .issuer_name(names[0])
            .public_key(keys[number].public_key())
            .serial_number(number + 1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(issuer, None), critical=True)
            .add_extension(x509.KeyUsage(**usage, encipher_only=False, decipher_only=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[number].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )
        if not issuer:
            purposes = x509.ExtendedKeyUsage([oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purposes, critical=False)
        chain.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    (folder / "certificate.pem").write_bytes(chain[1] + chain[0])
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(keys[1].private_bytes(*form))
    return Signature(folder / "certificate.pem", folder / "key.pem")
