"""Every reader of files that somebody else wrote: valid files to start from, and the call that reads a changed one.

A call may refuse a file by ThrongError or by rejected rows; anything else that it raises is a finding.
"""

import contextlib
import dataclasses
import io
import json
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz import structures
from tests.fuzz.structures import Change

Read = Callable[[Path], bool]
MAX_PIXELS = 4_000_000


@dataclasses.dataclass(frozen=True)
class Target:
    """A reader: its name, the name of the file that is changed, how its seeds are made, and the call.

    ``change`` lies inside a file whose outside is right; the bytes of every second file are changed instead, or of all
    where there is none.
    """

    name: str
    file: str
    seeds: Callable[[Path], list[bytes]]
    read: Read
    change: Change | None = None


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
    from throng.tables import removals, synthetic

    return [_table(folder, removals.TABLE, removal_row()), _table(folder, synthetic.TABLE, synthetic_row())]


def _table(folder: Path, table: Any, row: Any) -> bytes:
    from throng.manifest import write_table
    from throng.provenance import Provenance

    path = folder / "seed.parquet"
    write_table(path, table, [row], Provenance(table.stage, {table.stage: {}}, "c0de", 0))
    data = path.read_bytes()
    path.unlink()
    return data


def table_read(path: Path) -> bool:
    """Read a table as the next stage does."""
    from throng.manifest import read_footer, read_rows
    from throng.tables.removals import TABLE, RemovalRow

    read_footer(path)
    return bool(read_rows(path, TABLE, RemovalRow))


def alike_seeds(folder: Path) -> list[bytes]:
    """Return a table of near copies."""
    from throng.tables.near_duplicates import LEAK, SCHEMA, TABLE, NearDuplicateRow

    numbers: dict[str, Any] = {"identical": False, "mirrored": True, "bits": 3, "similarity": 0.9}
    numbers |= {"agreement": None, "overlap": 0.5, "verdict": LEAK}
    words: dict[str, Any] = {name: f"{name}-1" for name in SCHEMA.names if name not in numbers}
    return [_table(folder, TABLE, NearDuplicateRow(**(words | numbers)))]


def alike_read(path: Path) -> bool:
    """Read the near copies that training leaves out."""
    from throng.manifest import read_rows
    from throng.tables.near_duplicates import TABLE, NearDuplicateRow

    return bool(read_rows(path, TABLE, NearDuplicateRow))


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


def counts_seeds(folder: Path) -> list[bytes]:
    """Write images; return SYRAC's counts of synthetic and of real ones."""
    for k in range(3):
        (folder / f"{k}.jpg").write_bytes(encoded("JPEG", k))
    counts = [{"image": f"/{k}.jpg", "count": k} for k in range(3)]
    return [json.dumps(counts).encode(), json.dumps({"test": counts}).encode()]


def counts_read(path: Path) -> bool:
    """Read a list of counts."""
    from throng.legacy_import import import_counts
    from throng.manifest import OK
    from throng.sections.ingest import Folder

    source = Folder(name="legacy", format="folder", root=str(path.parent), licence="CC0-1.0")
    return any(row.status == OK for row in import_counts(path, path.parent, source))


def dataset_seeds(_: Path) -> list[bytes]:
    """Return a StyleGAN data set, as its dataset tool writes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for k in range(3):
            archive.writestr(f"00000/img{k:08d}.png", encoded("PNG", k))
        labels = [[f"00000/img{k:08d}.png", k % 2] for k in range(3)]
        archive.writestr("dataset.json", json.dumps({"labels": labels, "classes": ["few", "many"]}))
    return [out.getvalue()]


def dataset_read(path: Path) -> bool:
    """Convert the images of a data set, with its labels."""
    from throng.conversion.build import Plan, convert_one
    from throng.conversion.originals import open_source, with_labels
    from throng.conversion.transform import Square

    source = open_source(path, "CC0-1.0")
    if source.labels is None:
        return False
    originals = with_labels(source, source.labels, "class", str(path))
    plan = Plan(Square(8), "class", source.labels.classes, "zip", 1, MAX_PIXELS)
    rows = [convert_one(original, source.read, plan)[0] for original in originals]
    assert all(row.status == "ok" or row.reason for row in rows)
    return any(row.status == "ok" for row in rows)


def labels_seeds(_: Path) -> list[bytes]:
    """Return label files: JSON and CSV."""
    return [b'{"labels": [["a.png", [0.5, 1]], ["b/c.png", [1, 2.5]]]}', b"path,class,score\na.png,1,0.5\nb.png,0,2\n"]


def labels_read(path: Path) -> bool:
    """Read labels, by the name that fits the content."""
    from throng.conversion.label_files import read_labels

    named = path.with_suffix(".json" if path.read_bytes()[:1] in (b"{", b"[") else ".csv")
    path.rename(named)
    return bool(read_labels(named).labels)


def points_seeds(folder: Path) -> list[bytes]:
    """Return head points of photographs."""
    (folder / "a.jpg").write_bytes(encoded("JPEG"))
    return [b'{"a.jpg": [[1, 2], [3.5, 4]], "b/c.jpg": []}']


def points_read(path: Path) -> bool:
    """Read true counts; every image must lie in the folder."""
    from throng.labelled import labelled_images

    path.rename(path.with_name("points.json"))
    found = labelled_images(path.parent)
    assert all(image.resolve().is_relative_to(path.parent.resolve()) for image in found)
    return bool(found)


def jobs_seeds(_: Path) -> list[bytes]:
    """Return a job file, and the log of a job under way."""
    job = {"stage": "remove", "wildcards": {"part": "part-000-of-002"}, "outputs": {"table": ["none.parquet"]}}
    log = "2026-01-01 00:00:00,000 INFO throng.progress: remove: 3 of 10, 0.5/s, 14 s left\n"
    return [json.dumps(job).encode(), f"{log}2026-01-01 00:00:01,000 ERROR throng: broken\n".encode()]


def jobs_read(path: Path) -> bool:
    """Tell how far a run is of whose files one was changed."""
    import typer

    from throng.operations.jobs import jobs_of
    from throng.status_cli import status

    logs = path.parent / "results" / "logs" / "remove"
    logs.mkdir(parents=True)
    job, log = jobs_seeds(path)
    changed = path.read_bytes()
    is_job = b"{" in changed[:4]
    (logs / "part.log.job.json").write_bytes(changed if is_job else job)
    (logs / "part.log").write_bytes(log if is_job else changed)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(typer.Exit):
        status(path.parent / "results")
    return bool(jobs_of(path.parent / "results"))


def record_seeds(_: Path) -> list[bytes]:
    """Return what a job said of itself."""
    said = {"state": "done", "wall_seconds": 12.5, "cpu_seconds": 12.1, "start_cpu_seconds": 1.2, "rows_resumed": 0}
    return [json.dumps(said | {"memory_peak_bytes": 150_000_000}).encode()]


def record_read(path: Path) -> bool:
    """Read what a stage took."""
    from throng.release.cost import measured
    from throng.sections.release_card import Card

    folder = path.parent / "logs"
    folder.mkdir()
    path.rename(folder / "ingest.log.measured.json")
    found = measured(path.parent, Card(hardware="a machine"))
    assert all(math.isfinite(value) and value >= 0 for figures in found.values() for value in figures.values())
    return bool(found)


def material_seeds(folder: Path) -> list[bytes]:
    _write_material(folder / "material.json", folder / "material.zip")
    return [(folder / "material.json").read_bytes()]


def _write_material(listing: Path, archive: Path) -> None:
    from tests.unit.synthesizers.drawn import PLANE, image_row
    from throng.synthesizers.cutouts import CutOut
    from throng.synthesizers.gathered import Gathered, write_gathered
    from throng.synthesizers.photometry import Look
    from throng.synthesizers.places import KeptPlaces, Place

    row, look = image_row("0" * 16, "source", "a.png", (24, 32)), Look((120.0, 0.0, 0.0), (50.0, 5.0, 5.0), 1.0)
    cutout = CutOut(row.id, 0, np.full((6, 3, 4), 9, np.uint8), (1.0, 1.0), 2.0, look)
    place = Place(row.id, 32, 24, row, PLANE, 0, np.array([[5.0, 20.0]]), None, 0.1)
    png = encoded("PNG")
    write_gathered(Gathered({row.id: row}, [cutout], KeptPlaces([place], [look], lambda _: png)), listing, archive)


def material_read(path: Path) -> bool:
    from throng.synthesizers.gathered import read_gathered

    _write_material(path.with_name("true.json"), path.with_name("material.zip"))
    gathered = read_gathered(path, path.with_name("material.zip"))
    return bool(gathered.library) and bool(len(gathered.places))


def losses_seeds(_: Path) -> list[bytes]:
    """Return the log of a GAN's training."""
    lines = [{"Progress/kimg": {"mean": k, "num": 1}, "Loss/D/loss": {"mean": 0.5 / (k + 1)}} for k in range(5)]
    return ["".join(json.dumps(line) + "\n" for line in lines).encode()]


def losses_read(path: Path) -> bool:
    """Read a training's log."""
    from throng.gan.tools.loss_log import read_log

    return bool(read_log(path, []).fields)


def hdf5_seeds(folder: Path) -> list[bytes]:
    """Return published weights of a counter."""
    import h5py

    from throng.counting.registry import build

    path = folder / "seed.h5"
    with h5py.File(path, "w") as archive:
        for name, tensor in build("mcnn", 1).network.state_dict().items():
            archive[f"DME.{name}"] = tensor.numpy()
    data = path.read_bytes()
    path.unlink()
    return [data]


def hdf5_read(path: Path) -> bool:
    """Load published weights."""
    from throng.counting.registry import build, load_hdf5

    load_hdf5(build("mcnn", 1), path)
    return True


def release_seeds(file: str) -> Callable[[Path], list[bytes]]:
    """Return the maker of a release and of the bytes of one of its files."""

    def seeds(folder: Path) -> list[bytes]:
        from tests.unit.release.miniature import make_run

        made = make_run().write(folder / "run").release()
        made.rename(folder / "release")
        return [(folder / "release" / file).read_bytes()]

    return seeds


def released(file: str) -> Read:
    """Return the call that puts a changed file into a release, with the checksums of a forger, and verifies that."""

    def read(path: Path) -> bool:
        from tests.unit.release.miniature import reseal
        from throng.release.index import write_sums
        from throng.release.verify import verify

        folder = path.parent / "release"
        path.rename(folder / file)
        if file == "index.json":
            write_sums(folder)
        elif file != "croissant.json":
            reseal(folder)
        else:
            _restated(folder, file)
        verify(folder)
        return True

    return read


def _restated(folder: Path, file: str) -> None:
    """State a file's new size and checksum in a release's index, and nowhere else."""
    from throng.files import sha256_file
    from throng.release.index import write_index, write_sums

    index = json.loads((folder / "index.json").read_text())
    for entry in index["files"]:
        if entry["path"] == file:
            more = (folder / file).stat().st_size - entry["bytes"]
            entry.update(sha256=sha256_file(folder / file), bytes=entry["bytes"] + more)
            index["totals"]["bytes"] += more
    write_index(folder, index)
    write_sums(folder)


def opened(file: str) -> Read:
    """Return the call that opens a release with a changed file, and every dataset's samples."""

    def read(path: Path) -> bool:
        from throng.errors import ThrongError
        from throng.opening.opened import open_release

        folder = path.parent / "release"
        path.rename(folder / file)
        release = open_release(folder)
        repr(release)
        said, refused = 0, False
        for split in ("train", "val"):
            for dataset in (release.points, release.counts, release.densities, release.pairs):
                try:
                    found = dataset(split)
                    said += sum(found[k] is not None for k in range(min(3, len(found))))
                except ThrongError:
                    refused = True
        return bool(said) and not refused

    return read


def shards_seeds(folder: Path) -> list[bytes]:
    """Return a tar shard of a few samples."""
    from throng.release.tar import TarWriter

    out = folder / "seed.tar"
    with TarWriter(out) as tar:
        for k in range(3):
            tar.add(f"{k:016x}.jpg", encoded("JPEG", k))
            tar.add(f"{k:016x}.json", b'{"id": "x"}')
    data = out.read_bytes()
    out.unlink()
    return [data]


def shards_read(path: Path) -> bool:
    """Read the samples of a shard by their keys."""
    from throng.opening.shards import TarShards

    shards = TarShards([path])
    return all(shards.read(f"{k:016x}") for k in range(3))


def one(kind: str) -> Callable[[Path], list[bytes]]:
    """Return the maker of an image's seed."""
    return lambda _: [encoded(kind)]


COUNTED = "data/fixed_count/train-00000-of-00001.parquet"
STREAMED = "webdataset/fixed_count/train-00000-of-00002.tar"
INSIDE: dict[str, Change] = {
    "JPEG": structures.jpeg_frame,
    "PNG": structures.png_chunks,
    "BMP": structures.bitmap_size,
    "TIFF": structures.tiff_tags,
}


def _by_kind(data: bytes, rng: Any) -> bytes:
    """Change a table by what it is: Parquet, JSON or text in columns."""
    if data[:4] == b"PAR1":
        return structures.parquet_cells(data, rng)
    return structures.json_document(data, rng) if data[:1] == b"{" else structures.delimited(",")(data, rng)


TARGETS = (
    Target(
        "odgt",
        "annotation_train.odgt",
        odgt_seeds,
        of_source(format="crowdhuman", official=False),  # pyright: ignore[reportArgumentType]
        structures.json_lines,
    ),
    Target("mat", "changed", mat_seeds, mat_read, structures.mat_contents),
    Target("zip", "part_B.zip", zip_seeds, zip_read, structures.zip_members),
    *(
        Target(kind.lower(), f"a.{kind.lower()}", one(kind), images_read, INSIDE.get(kind))
        for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
    ),
    Target("mask", "changed", mask_seeds, mask_read, structures.png_chunks),
    Target("table", "table.parquet", table_seeds, table_read, structures.parquet_cells),
    Target("alike", "table.parquet", alike_seeds, alike_read, structures.parquet_cells),
    Target("config", "config.yaml", config_seeds, config_read, structures.yaml_tree),
    Target("prompts", "prompts", prompt_seeds, prompts_read, _by_kind),
    Target("generator", "generator.safetensors", generator_seeds, generator_read, structures.safetensors_header),
    Target("counter", "counter.safetensors", counter_seeds, counter_read, structures.safetensors_header),
    Target("encoder", "encoder.safetensors", encoder_seeds, encoder_read, structures.safetensors_header),
    Target("hdf5", "weights.h5", hdf5_seeds, hdf5_read),
    Target("runs", "runs", runs_seeds, runs_read),
    Target("ranking", "ranking.json", legacy_seeds, legacy_read, structures.json_document),
    Target("counts", "counts.json", counts_seeds, counts_read, structures.json_document),
    Target("dataset", "dataset.zip", dataset_seeds, dataset_read, structures.zip_members),
    Target("labels", "labels", labels_seeds, labels_read, _by_kind),
    Target("points", "points", points_seeds, points_read, structures.json_document),
    Target("jobs", "changed", jobs_seeds, jobs_read, structures.json_document),
    Target("records", "changed", record_seeds, record_read, structures.json_document),
    Target("material", "material.json", material_seeds, material_read, structures.json_document),
    Target("losses", "stats.jsonl", losses_seeds, losses_read, structures.json_lines),
    Target("shards", "changed.tar", shards_seeds, shards_read, structures.tar_headers),
    Target("opened", "changed", release_seeds("index.json"), opened("index.json"), structures.json_document),
    Target("opened-tar", "changed", release_seeds(STREAMED), opened(STREAMED), structures.tar_headers),
    Target("opened-parquet", "changed", release_seeds(COUNTED), opened(COUNTED), structures.parquet_cells),
    Target("index", "changed", release_seeds("index.json"), released("index.json"), structures.json_document),
    Target("parquet", "changed", release_seeds(COUNTED), released(COUNTED), structures.parquet_cells),
    Target(
        "annotations",
        "changed",
        release_seeds("tables/images.parquet"),
        released("tables/images.parquet"),
        structures.parquet_cells,
    ),
    Target("tar", "changed", release_seeds(STREAMED), released(STREAMED), structures.tar_headers),
    Target(
        "croissant", "changed", release_seeds("croissant.json"), released("croissant.json"), structures.json_document
    ),
    Target("card", "changed", release_seeds("README.md"), released("README.md"), structures.front_matter),
)
