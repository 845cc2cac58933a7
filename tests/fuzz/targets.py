"""Every reader of files that somebody else wrote: valid files to start from, and the call that reads a changed one.

A call may refuse a file by ThrongError or by rejected rows; anything else that it raises is a finding.
"""

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

Read = Callable[[Path], bool]
MAX_PIXELS = 4_000_000


@dataclasses.dataclass(frozen=True)
class Target:
    """A reader: its name, the name of the file that is changed, how its seeds are made, and the call."""

    name: str
    file: str
    seeds: Callable[[Path], list[bytes]]
    read: Read


def picture(number: int = 0) -> np.ndarray:
    """Return a small image that no other number has."""
    return np.random.default_rng(number).integers(0, 255, (24, 32, 3), dtype=np.uint8)


def encoded(kind: str, number: int = 0) -> bytes:
    """Return the picture as a file of one format, with EXIF where the format has it."""
    from PIL import Image

    image, out = Image.fromarray(picture(number)), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x920A] = 35.0
    image.save(out, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "TIFF") else {}))
    return out.getvalue()


def ingested(source: dict, root: Path) -> bool:
    """Read a source as stage ingest does; True when a row of it is usable."""
    from pydantic import TypeAdapter

    from throng.images import ImageStore
    from throng.sections.ingest import Source
    from throng.sources.ingestion import ingest_one, listed, reader

    section = TypeAdapter(Source).validate_python({"licence": "CC0-1.0", "name": "fuzz"} | source)
    read = reader(ImageStore({"fuzz": root}), "fuzz")
    _, samples, _ = listed(section, root, read, MAX_PIXELS)
    rows = [ingest_one(section, sample, read, MAX_PIXELS) for sample in samples]
    assert all(row.status == "ok" or row.reason for row in rows)
    return any(row.status == "ok" for row in rows)


def of_source(**source: str) -> Read:
    """Return the call that reads the folder of a changed file as a source."""
    return lambda path: ingested(source | {"root": str(path.parents[0])}, path.parents[0])


def images_read(path: Path) -> bool:
    """Ingest a folder with one image, and decode what was accepted."""
    from throng.images import decode

    accepted = ingested({"format": "folder", "root": str(path.parent)}, path.parent)
    if accepted:
        decode(path.read_bytes())
    return accepted


def odgt_seeds(folder: Path) -> list[bytes]:
    """Write the images that an annotation file names; return such files."""
    lines = []
    for k in range(3):
        (folder / "Images").mkdir(exist_ok=True)
        (folder / "Images" / f"a{k}.jpg").write_bytes(encoded("JPEG"))
        box = {"tag": "person", "fbox": [1, 2, 10, 20], "vbox": [1, 2, 9, 18], "hbox": [3, 2, 5, 5]}
        extra = {"box_id": 0, "occ": 0}
        boxes = [box | {"head_attr": {"ignore": 0}, "extra": extra}, {"tag": "mask", "fbox": [0, 0, 4, 4]}]
        lines.append(json.dumps({"ID": f"a{k}", "gtboxes": boxes}))
    return ["\n".join(lines).encode() + b"\n"]


def mat(points: int) -> bytes:
    """Return head points in ShanghaiTech's layout."""
    from scipy.io import savemat

    location = np.random.default_rng(0).uniform(0, 20, (points, 2))
    info = np.empty((1, 1), object)
    info[0, 0] = {"location": location, "number": np.array([[points]])}
    out = io.BytesIO()
    savemat(out, {"image_info": info}, do_compression=bool(points % 2))
    return out.getvalue()


def mat_seeds(folder: Path) -> list[bytes]:
    """Write the photograph that the annotations are of."""
    images = folder / "part_B" / "train_data" / "images"
    images.mkdir(parents=True, exist_ok=True)
    (images / "IMG_1.jpg").write_bytes(encoded("JPEG"))
    return [mat(3), mat(4), mat(0)]


def mat_read(path: Path) -> bool:
    """Put the changed annotations where ShanghaiTech has them, and ingest."""
    root = path.parent
    truth = root / "part_B" / "train_data" / "ground-truth"
    truth.mkdir(parents=True, exist_ok=True)
    (truth / "GT_IMG_1.mat").write_bytes(path.read_bytes())
    return ingested(
        {"format": "shanghaitech", "part": "B", "official": False, "root": str(root / "part_B")}, root / "part_B"
    )


def zip_seeds(_: Path) -> list[bytes]:
    """Return archives in ShanghaiTech's layout, stored and deflated."""
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            archive.writestr("part_B/train_data/images/IMG_1.jpg", encoded("JPEG"))
            archive.writestr("part_B/train_data/ground-truth/GT_IMG_1.mat", mat(3))
        found.append(out.getvalue())
    return found


def zip_read(path: Path) -> bool:
    """Ingest an archive."""
    return ingested({"format": "shanghaitech", "part": "B", "official": False, "root": str(path)}, path)


def mask_seeds(folder: Path) -> list[bytes]:
    """Write a photograph of Penn-Fudan's; return its mask."""
    from throng.images import encode_png

    (folder / "PNGImages").mkdir(exist_ok=True)
    (folder / "PNGImages" / "Fudan1.png").write_bytes(encode_png(picture()))
    mask = np.zeros(picture().shape[:2], np.uint8)
    mask[2:20, 3:9], mask[4:22, 12:20] = 1, 2
    return [encode_png(mask)]


def mask_read(path: Path) -> bool:
    """Put the changed mask beside its photograph, and ingest."""
    masks = path.parent / "PedMasks"
    masks.mkdir(exist_ok=True)
    (masks / "Fudan1_mask.png").write_bytes(path.read_bytes())
    return ingested({"format": "pennfudan", "root": str(path.parent)}, path.parent)


def table_seeds(folder: Path) -> list[bytes]:
    """Return tables as stages write them."""
    from tests.rows import removal_row, synthetic_row
    from throng.manifest import write_table
    from throng.provenance import Provenance
    from throng.tables import removals, synthetic

    found = []
    for module, row in ((removals, removal_row()), (synthetic, synthetic_row())):
        path = folder / "seed.parquet"
        write_table(path, module.TABLE, [row], Provenance(module.TABLE.stage, {module.TABLE.stage: {}}, "c0de", 0))
        found.append(path.read_bytes())
        path.unlink()
    return found


def table_read(path: Path) -> bool:
    """Read a table as the next stage does."""
    from throng.manifest import read_footer, read_rows
    from throng.tables.removals import TABLE, RemovalRow

    read_footer(path)
    return bool(read_rows(path, TABLE, RemovalRow))


def config_seeds(_: Path) -> list[bytes]:
    """Return configurations: the demo's, and small overlays."""
    root = Path(__file__).parents[2]
    return [
        path.read_bytes()
        for path in (root / "config.yaml", root / "config" / "tiny.yaml", root / "config" / "gan.yaml")
    ]


def config_read(path: Path) -> bool:
    """Validate a configuration; YAML that cannot be parsed is Snakemake's to refuse."""
    import yaml

    from throng.config import load

    try:
        raw = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, OverflowError, RecursionError):
        return False
    if not isinstance(raw, dict):
        return False
    load(raw)
    return True


def prompt_seeds(folder: Path) -> list[bytes]:
    """Return prompts of one's own, as CSV and Parquet."""
    import pandas

    frame = pandas.DataFrame({"text": ["a square", 'five people, "seen" from above'], "count": [0, 5]})
    parquet = folder / "seed.parquet"
    frame.to_parquet(parquet)
    return [frame.to_csv(index=False).encode(), parquet.read_bytes()]


def prompts_read(path: Path) -> bool:
    """Read prompts, by the name that fits the content."""
    from throng.own_prompts import own_rows

    named = path.with_suffix(".parquet" if path.read_bytes()[:4] == b"PAR1" else ".csv")
    path.rename(named)
    return bool(own_rows(named, 0))


def generator_seeds(folder: Path) -> list[bytes]:
    """Return a tiny generator's file."""
    from throng.gan.files import save_generator
    from throng.gan.labels import OneHot
    from throng.gan.stylegan3 import Generator

    generator = Generator("t", 16, cbase=64, cmax=4, c_dim=2, z_dim=4, w_dim=4, layers=3, critical=1, margin=4)
    path = folder / "seed.safetensors"
    save_generator(path, generator, encoding=OneHot(2), recipe={"gan": "crowds"})
    return [path.read_bytes()]


def generator_read(path: Path) -> bool:
    """Load a generator."""
    from throng.gan.files import read_generator

    return read_generator(path).generator is not None


def counter_seeds(folder: Path) -> list[bytes]:
    """Return the smallest counter's file."""
    from throng.counting.registry import build, save_counter

    model = build("compact")
    path = folder / "seed.safetensors"
    save_counter(path, model, {})
    return [path.read_bytes()]


def counter_read(path: Path) -> bool:
    """Load a counter."""
    from throng.counting.registry import load_counter

    return load_counter(path) is not None


def encoder_seeds(folder: Path) -> list[bytes]:
    """Return a small encoder's file."""
    from throng.encoders.files import save_network
    from throng.encoders.registry import build_encoder

    path = folder / "seed.safetensors"
    save_network(path, build_encoder("small"), kind="ranker", recipe={})
    return [path.read_bytes()]


def encoder_read(path: Path) -> bool:
    """Load an encoder."""
    from throng.encoders.files import kind_of, read_network

    kind_of(path)
    return read_network(path) is not None


def runs_seeds(_: Path) -> list[bytes]:
    """Return run-length strings."""
    from throng.rle import encode

    mask = np.zeros((40, 60), bool)
    mask[3:20, 5:50] = True
    return [encode(mask, height=40, width=60).encode(), encode(~mask, height=40, width=60).encode()]


def runs_read(path: Path) -> bool:
    """Decode a run-length string."""
    from throng.rle import decode

    return bool(decode(path.read_bytes().decode("latin-1"), 40, 60).any())


def legacy_seeds(folder: Path) -> list[bytes]:
    """Write images; return SYRAC's and AFreeCA's lists of them."""
    for k in range(3):
        (folder / f"{k}.jpg").write_bytes(encoded("JPEG", k))
    pair = {"source_image": "/0.jpg", "target_image": "/1.jpg", "info": {"type": "removed"}}
    triple = ["/0.jpg", "/1.jpg", "/2.jpg"]
    return [json.dumps({"train": [entry], "val": []}).encode() for entry in (pair, triple)]


def legacy_read(path: Path) -> bool:
    """Read a list of ranked images."""
    from throng.legacy_import import import_ranking
    from throng.sections.ingest import Folder

    source = Folder(name="legacy", format="folder", root=str(path.parent), licence="CC0-1.0")
    return bool(import_ranking(path, path.parent, source).pairs)


def index_seeds(folder: Path) -> list[bytes]:
    """Return the index of a release, as far as its head."""
    from throng.release.index import FORMAT_VERSION

    index = {
        "format": "throng-release",
        "format_version": FORMAT_VERSION,
        "files": [],
        "products": {},
        "version": "1.0.0",
    }
    return [json.dumps(index, indent=1).encode()]


def index_read(path: Path) -> bool:
    """Read an index."""
    from throng.release.index import read_index

    path.rename(path.with_name("index.json"))
    return bool(read_index(path.parent))


def one(kind: str) -> Callable[[Path], list[bytes]]:
    """Return the maker of an image's seed."""
    return lambda _: [encoded(kind)]


TARGETS = (
    Target("odgt", "annotation_train.odgt", odgt_seeds, of_source(format="crowdhuman", official=False)),  # pyright: ignore[reportArgumentType]
    Target("mat", "changed", mat_seeds, mat_read),
    Target("zip", "part_B.zip", zip_seeds, zip_read),
    *(
        Target(kind.lower(), f"a.{kind.lower()}", one(kind), images_read)
        for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
    ),
    Target("mask", "changed", mask_seeds, mask_read),
    Target("table", "table.parquet", table_seeds, table_read),
    Target("config", "config.yaml", config_seeds, config_read),
    Target("prompts", "prompts", prompt_seeds, prompts_read),
    Target("generator", "generator.safetensors", generator_seeds, generator_read),
    Target("counter", "counter.safetensors", counter_seeds, counter_read),
    Target("encoder", "encoder.safetensors", encoder_seeds, encoder_read),
    Target("runs", "runs", runs_seeds, runs_read),
    Target("ranking", "ranking.json", legacy_seeds, legacy_read),
    Target("index", "index", index_seeds, index_read),
)
