"""A hundred thousand samples: written a page at a time, opened and filtered at once."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.unit.release.miniature import PATHS, make_run
from tests.unit.report.browser import chromium, opened
from tests.unit.report.made import inputs_of
from throng.provenance import FOOTER_KEY
from throng.sections.report import Report

NUMBER = 100_000
TABLES = ("prompts", "synthetic", "calibrated_counts", "density_labels")
RUN = """
import json, resource, sys
from pathlib import Path
from tests.unit.release.miniature import Written
from tests.unit.report.made import write_page
job = json.loads(sys.argv[1])
write_page(Written(Path(job["root"]), job["sources"], job["tables"]), job["inputs"], Path(job["root"]) / "report")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def multiplied(results: Path, name: str, number: int) -> None:
    """Write a table's synthetic rows ``number`` times over, under ids and counts of their own."""
    path = results / PATHS[name]
    rows = pq.read_table(path)
    first = rows if name != "density_labels" else rows.filter(pc.field("table") == "synthetic")
    many = first.take(pa.array(np.arange(number) % first.num_rows))
    ids = pa.array([f"{k * 2654435761 % 2**32:08x}{k:08x}" for k in range(number)])
    many = many.set_column(many.schema.get_field_index("id"), rows.schema.field("id"), ids)
    counts = np.random.default_rng(1).integers(0, 500, number)
    for column in ("prompt_id", "requested", "count"):
        if column in many.column_names:
            field = many.schema.field(column)
            values = ids if column == "prompt_id" else pa.array(counts).cast(field.type)
            many = many.set_column(many.schema.get_field_index(column), field, values)
    kept = many if name != "density_labels" else pa.concat_tables([rows.filter(pc.field("table") == "images"), many])
    footer = {FOOTER_KEY: rows.schema.metadata[FOOTER_KEY]}
    pq.write_table(kept.replace_schema_metadata(footer), path, compression="zstd")


@pytest.mark.slow
def test_a_hundred_thousand_samples_open_at_once(tmp_path: Path) -> None:
    run = make_run()
    written = run.write(tmp_path)
    inputs = inputs_of(run, written)
    for name in TABLES:
        multiplied(written.results, name, NUMBER)
    job = {"root": str(tmp_path), "sources": written.sources, "tables": written.tables, "inputs": inputs}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(job)], stdout=subprocess.PIPE, text=True, check=True, cwd=Path.cwd()
    )
    wrote, peak = time.perf_counter() - started, int(done.stdout) / 2**10
    data = tmp_path / "report" / "data"
    pages = list((data / "synthetic").glob("page-*.js"))
    assert len(pages) == NUMBER // Report().page
    figures: dict[str, Any] = {"written_s": wrote, "peak_MiB": peak}
    figures["html_kB"] = (tmp_path / "report" / "report.html").stat().st_size / 1e3
    figures["index_MB"] = (data / "synthetic" / "index.js").stat().st_size / 1e6
    figures["data_MB"] = sum(path.stat().st_size for path in data.rglob("*.js")) / 1e6
    with chromium() as browser, opened(browser, tmp_path / "report" / "report.html") as (page, heard):
        figures["open_ms"] = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        assert not [url for url in heard.requests if "/data/" in url], "words alone, before samples are asked for"
        cards = page.locator("section.current a.card b")
        figures["list_ms"] = _timed(page, lambda: page.goto(_at(page, "#synthetic")), cards)
        assert page.locator("section.current .tally b").inner_text() == "100,000"
        figures["filter_ms"] = _timed(page, lambda: page.goto(_at(page, "#synthetic?count=250..250&sort=error")), cards)
        found = page.locator("section.current .tally b").inner_text()
        assert 100 < int(found) < 320
        asked = [url for url in heard.requests if "/page-" in url]
        assert len(asked) <= 2 * 24, "pages of samples that are shown, and no others"
        assert heard.complaints == []
        figures["scatter_ms"] = _timed(page, lambda: page.goto(_at(page, "#counts")), page.locator(".plane canvas"))
        figures["heap_MB"] = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}))
    # columns of the tables are held; a hundred thousand rows as objects alone would be more
    assert peak < 1500


def _at(page: Any, hash_: str) -> str:
    return page.url.partition("#")[0] + hash_


def _timed(page: Any, act: Any, awaited: Any) -> float:
    """Return the milliseconds from an act until something of it is seen."""
    started = time.perf_counter()
    act()
    awaited.first.wait_for()
    return 1000 * (time.perf_counter() - started)
