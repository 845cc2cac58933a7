"""``throng verify``: check a release that was made here or downloaded."""

import json
import multiprocessing
import os
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

# below it a process takes longer to start than to do its share
WORTH_PROCESSES = 100_000_000
console = Console(soft_wrap=True)


def verify(
    release: Annotated[Path, typer.Argument(help="folder of a release", exists=True, file_okay=False)],
    quick: Annotated[bool, typer.Option("--quick", help="check bytes and totals only")] = False,
    rebuilt: Annotated[bool, typer.Option("--rebuilt", help="a release that throng rebuild made, for own use")] = False,
    against: Annotated[
        list[Path], typer.Option(help="folder or .zip of a test set that nothing to learn from may show", exists=True)
    ] = [],  # noqa: B006 (typer's way to say none)
    workers: Annotated[int, typer.Option(help="processes that read", min=1)] = os.cpu_count() or 1,
) -> None:
    """Read everything in a release again: hashes, rows, images, labels; stops at the first fault."""
    from throng.release.verify import verify as verify_all
    from throng.release.verify import verify_bytes

    with _pool(release, workers) as pool:
        summary = verify_bytes(release, pool=pool) if quick else verify_all(release, pool=pool, rebuilt=rebuilt)
    for test_set in against:
        with _pool(release, workers) as pool:
            summary.setdefault("against", {})[str(test_set)] = _known(release, test_set, pool)
    for account in summary["conservation"]:
        console.print(account, highlight=False)
    console.print_json(json.dumps(summary))


def _known(release: Path, test_set: Path, pool: Executor) -> dict[str, int]:
    from throng.release.verification.known import check_known

    return check_known(release, test_set, pool)


def _pool(release: Path, workers: int) -> Executor:
    size = sum(path.stat().st_size for path in release.rglob("*") if path.is_file())
    if workers == 1 or size < WORTH_PROCESSES:
        return ThreadPoolExecutor(workers)
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
