"""Make rows one by one, a second each (fewer in part c), and leave a line in made.txt for every row made."""

import hashlib
import sys
import time
from pathlib import Path

snakemake = globals()["snakemake"]
sys.path.insert(0, snakemake.config["scripts"])

from throng.sections.base import Section, setting  # noqa: E402
from throng.stage import main  # noqa: E402
from throng.workdir import process  # noqa: E402


class Rows(Section):
    rows: int = setting(40)
    last: int = setting(4)
    seconds: float = setting(1.0)


def run(inputs, outputs, config, context):
    part = context.wildcards["part"]
    count = config.last if part == "c" else config.rows

    def make(number):
        time.sleep(config.seconds)
        with Path("made.txt").open("a") as made:
            made.write(f"{part}{number}\n")
        return {"row": hashlib.sha256(f"{part}{number}".encode()).hexdigest()}, {}

    work = context.workdir()
    rows = process(work, {f"{n:03d}": n for n in range(count)}, make, threads=1, stage="rows")
    output = outputs.one("rows")
    output.write_text("".join(rows[key]["row"] + "\n" for key in sorted(rows)))
    work.remove()


main(run, Rows, snakemake)
