"""What a job pays for whole tables: a chunk's rows out of one table, all rows as objects, many files, their hashes.

    python benchmarks/scale_tables.py [--rows 50000 200000] [--files 2000] [--folder /tmp/tables]

A table ``images`` with so many rows of 50 head points each is read as stage detect reads it (the rows of one of 64
chunks, throng.chunk_rows) and as a stage does that needs every row as an object (throng.manifest.read_rows), each in a
process of its own: CPU seconds and peak resident memory above that of a process that reads a table of ten rows. Then as
many rows in --files files, and in one; and the sha256 of a table, which every job takes of its inputs.
Figures go to standard output and benchmarks/results/scale_tables.json. --reading writes those that `throng plan` uses
into its table of throughputs.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.chunk_rows import read_chunk
from throng.chunks import part_name
from throng.files import sha256_file
from throng.manifest import read_rows, write_table
from throng.operations import throughput
from throng.provenance import Provenance
from throng.tables import images
from throng.tables.images import ImageRow

RESULTS = Path(__file__).parent / "results"
POINTS = 50
CHUNKS = 64
MADE = Provenance("ingest", {}, "c0de", 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 200_000])
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, help="where tables are made; default: a temporary folder")
    parser.add_argument("--reading", action="store_true", help="write what `throng plan` uses into its table")
    parser.add_argument("--child", choices=sorted(CHILDREN), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        CHILDREN[options.child](options.folder)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        rows = [measure(Path(name), number) for number in options.rows]
        files = many_files(Path(name), options.files, options.rows[0])
    figures = {
        "machine": f"{processor()}, {os.cpu_count()} cores, one used",
        "processes waiting for a core, mean of 15 minutes": round(os.getloadavg()[2], 1),
        "one table": rows,
        "many files": files,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "scale_tables.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    if options.reading:
        last = rows[-1]
        stages, reading = throughput.read(throughput.SHIPPED)
        reading |= {
            "chunk": last["chunk"]["CPU us per row"] * 1e-6,
            "rows": last["all rows"]["CPU us per row"] * 1e-6,
            "rows_mb": last["all rows"]["kB per row"] / 1000,
        }
        throughput.write(throughput.SHIPPED, stages, reading)


def processor() -> str:
    """Return the processor's name, as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def measure(folder: Path, number: int) -> dict[str, Any]:
    """Write a table of ``number`` rows and read it both ways."""
    for name, size in (("table", number), ("small", 10)):
        (folder / name).mkdir(exist_ok=True)
        write(folder / name / "images.parquet", 0, size)
    started = time.process_time()
    sha256_file(folder / "table" / "images.parquet")
    hashed = time.process_time() - started
    size = (folder / "table" / "images.parquet").stat().st_size
    row: dict[str, Any] = {
        "rows": number,
        "MB": round(size / 1e6, 1),
        "sha256 CPU s per GB": round(1e9 * hashed / size, 2),
    }
    for name in ("chunk", "all rows"):
        whole, small = child(name, folder / "table"), child(name, folder / "small")
        row[name] = {
            "CPU us per row": round(1e6 * (whole["CPU seconds"] - small["CPU seconds"]) / number, 3),
            "kB per row": round(1000 * (whole["peak MB"] - small["peak MB"]) / number, 4),
        }
    print(json.dumps(row), flush=True)
    return row


def many_files(folder: Path, files: int, rows: int) -> dict[str, float]:
    """Write as many rows into ``files`` files and return the CPU milliseconds that each costs, against one file."""
    for name, number in (("parts", files), ("whole", 1)):
        (folder / name).mkdir()
        for index in range(number):
            write(folder / name / f"{index:05d}.parquet", index * (rows // number), rows // number)
    parts, whole = child("all rows", folder / "parts"), child("all rows", folder / "whole")
    each = 1000 * (parts["CPU seconds"] - whole["CPU seconds"]) / files
    return {"files": files, "rows": rows, "CPU ms per file": round(each, 3)}


def write(path: Path, first: int, number: int) -> None:
    points = [{"x": 10.5, "y": 20.5}] * POINTS
    filled = {"format": "jpeg", "width": 1024, "height": 768, "channels": 3, "split": "train", "licence": "CC0-1.0"}
    filled |= {"redistributable": True, "count": POINTS, "points": points, "people": None, "erratum": ""}
    rows = (
        ImageRow(
            id=f"{k * 2654435761 % 2**32:08x}{k:08x}",
            source="source",
            path=f"images/{k:08d}.jpg",
            sha256=f"{k:064x}",
            bytes=200_000 + k,
            scene=f"s{k}",
            status="ok",
            reason="",
            **filled,
        )
        for k in range(first, first + number)
    )
    write_table(path, images.TABLE, rows, MADE)


def child(work: str, folder: Path) -> dict[str, float]:
    """Read the tables of a folder in a process of its own and return what it says of itself."""
    command = [sys.executable, __file__, "--child", work, "--folder", str(folder)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    return json.loads(done.stdout.splitlines()[-1])


def say(rows: list[ImageRow]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"CPU seconds": time.process_time(), "peak MB": peak, "rows": len(rows)}))


def of_chunk(folder: Path) -> None:
    say(read_chunk(sorted(folder.glob("*.parquet")), images.TABLE, ImageRow, part_name(0, CHUNKS)))


def all_rows(folder: Path) -> None:
    say(read_rows(sorted(folder.glob("*.parquet")), images.TABLE, ImageRow))


CHILDREN = {"chunk": of_chunk, "all rows": all_rows}

if __name__ == "__main__":
    main()
