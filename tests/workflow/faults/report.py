"""What the drill saw, as JSON for the record and as a table for people: ``python -m tests.workflow.faults.report``."""

import dataclasses
import json
import os
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
RECORD = ROOT / "benchmarks" / "results" / "faults.json"
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- drill: begin -->", "<!-- drill: end -->"


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault of the drill: what was done to which stage, what the user was told, and what it cost.

    What was not measured is None. No row is lost, and the bytes are equal, where every file is the undisturbed run's.
    """

    fault: str
    stage: str
    done: str
    told: str
    redone_seconds: float | None
    redone_rows: int | None
    rows_lost: int
    equal: bool


def write(folder: Path) -> None:
    """Lay what this drill saw, a JSON file per fault in ``folder``, over what earlier ones have put on record."""
    known = json.loads(RECORD.read_text())["faults"] if RECORD.exists() else []
    seen = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    rows = {(row["fault"], row["stage"]): row for row in [*known, *seen]}
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}; one core and one thread used"
    record = {"machine": machine, "faults": [rows[key] for key in sorted(rows)]}
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table(record['faults'])}{END}{after}")


def table(rows: list[dict]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| fault | stage | what was done | what you see | CPU-seconds redone | rows redone | rows lost | same bytes |",
        "|---|---|---|---|---:|---:|---:|---|",
    ]
    for row in rows:
        cells = [row[name] for name in ("fault", "stage", "done", "told")]
        numbers = [row["redone_seconds"], row["redone_rows"], row["rows_lost"]]
        cells += ["" if number is None else str(number) for number in numbers]
        cells.append("yes" if row["equal"] else "NO")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
