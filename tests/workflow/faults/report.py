"""What the drill saw, as JSON for the record and as a table for people: ``python -m tests.workflow.faults.report``."""

import dataclasses
import json
import os
import platform
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]
RECORD = ROOT / "benchmarks" / "results" / "faults.json"
PAGE = ROOT / "docs" / "faults.md"
MEASURED = ("job_seconds", "job_commits", "redone_seconds", "redone_commits")
HEADS = (
    *("fault", "stage", "what was done", "what you see"),
    *("CPU-seconds redone (undisturbed)", "commits redone (undisturbed)", "rows lost", "same bytes"),
)
BEGIN, END = "<!-- drill: begin -->", "<!-- drill: end -->"


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault of the drill: what was done to which stage, what the user was told, and what it cost.

    A commit puts a row, a file of one, a checkpoint or a shard in place. ``job_`` is what the stage's job takes without
    a fault, ``redone_`` what it took more; what was not measured is None. No row is lost, and the bytes are equal,
    where every file is the undisturbed run's.
    """

    fault: str
    stage: str
    done: str
    told: str
    rows_lost: int
    equal: bool
    redone_seconds: float | None = None
    redone_commits: int | None = None
    job_seconds: float | None = None
    job_commits: int | None = None


def write(folder: Path) -> None:
    """Put on record what this drill saw, a JSON file per case in ``folder``, in place of what an earlier one did."""
    seen = [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text())]
    rows = sorted((row for row in seen if "failed" not in row), key=lambda row: (row["fault"], row["stage"]))
    failed = [row["failed"] for row in seen if "failed" in row]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}; one core and one thread used"
    RECORD.write_text(json.dumps({"machine": machine, "failed": failed, "faults": rows}, indent=1) + "\n")
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{totals(rows, failed)}\n\n{table(rows)}{END}{after}")


def totals(rows: list[dict], failed: list[str]) -> str:
    """Return what all rows come to, in a few sentences, and which cases failed."""
    measured = [row for row in rows if row["redone_seconds"] is not None]
    came_to = {name: sum(row[name] for row in measured) for name in MEASURED}
    killed = {row["stage"] for row in rows if row["fault"].startswith("SIGTERM")}
    drilled = Counter((row["day"], row["commit"]) for row in rows)
    when = ", ".join(f"{number} on {day} at commit {commit}" for (day, commit), number in sorted(drilled.items()))
    lost, equal = sum(row["rows_lost"] for row in rows), sum(row["equal"] for row in rows)
    return (
        f"**{len(rows)} faults, {lost} rows lost**; {equal} of these runs ended with the bytes of the undisturbed one. "
        f"Cases that failed: {', '.join(failed) or 'none'}. Workers of {len(killed)} rules were killed. "
        f"The {len(measured)} jobs that were hit at work take {came_to['job_seconds']:.0f} CPU-seconds and "
        f"{came_to['job_commits']} commits undisturbed; with their faults they took {came_to['redone_seconds']:.0f} "
        f"CPU-seconds and {came_to['redone_commits']} commits more. Drilled: {when}."
    )


def table(rows: list[dict]) -> str:
    """Return the rows as Markdown."""
    lines = [
        f"| {' | '.join(HEADS)} |",
        "|---|---|---|---|---:|---:|---:|---|",
    ]
    for row in rows:
        cells = [row[name] for name in ("fault", "stage", "done", "told")]
        cells += [_share(row["redone_seconds"], row["job_seconds"]), _share(row["redone_commits"], row["job_commits"])]
        cells += [str(row["rows_lost"]), "yes" if row["equal"] else "NO"]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _share(redone: float | None, whole: float | None) -> str:
    return "" if redone is None else f"{redone} ({whole})"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
