"""Stage ``report``: a page to look through everything that a run made."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from throng.files import write_text
from throng.images import ImageStore
from throng.release.index import read_index
from throng.report.collection import Collection
from throng.report.curves import curves, predictions
from throng.report.density import Densities
from throng.report.drawn import drawn
from throng.report.edits import edits
from throng.report.page import Told, read_metrics, render
from throng.report.pairs import pairs
from throng.report.people import People
from throng.report.photographs import Names, photographs
from throng.report.reading import Tables
from throng.report.scripts import write_scripts
from throng.report.synthetic import synthetic
from throng.report.views import Pictures, close_everywhere
from throng.report.writing import whole_folder, write_call, write_collection
from throng.sections.report import Report
from throng.stage import Context, Files

log = logging.getLogger(__name__)
VIEWS = "views"
PLOTS = ("plots", "gan_pictures", "ladder_figure")


def run(inputs: Files, outputs: Files, config: Report, context: Context) -> None:
    """Write the page, its scripts, and a folder of data that it reads piece by piece.

    All three hold thumbnails of every source, so the page itself names those that forbid passing it on.
    """
    tables = Tables(inputs.many)
    told = Told(
        metrics=read_metrics(inputs.one("metrics")),
        index=read_index(inputs.one("index").parent),
        audit=json.loads(inputs.one("audit").read_text()),
        calibration=json.loads(inputs.one("calibration").read_text()),
        agreement=json.loads(inputs.one("agreement").read_text()),
        gans={_run_of(path): json.loads(path.read_text()) for path in inputs.many("gan_metrics")},
        ladder=next((json.loads(path.read_text()) for path in inputs.many("ladder")), None),
    )
    collections = gather(tables, config)
    with whole_folder(outputs.one("data")) as folder:
        (folder / VIEWS).mkdir()
        store = ImageStore(context.roots)
        pictures = Pictures(store, folder / VIEWS, thumbnail=config.thumbnail, view=config.view)
        with ThreadPoolExecutor(context.threads) as pool:
            for found in collections:
                write_collection(folder, found, pictures, pool, page=config.page, views=config.views)
                log.info("%d of %d %s written", len(found.ids), found.total, found.name)
            close_everywhere(store, pool, context.threads)
        write_call(folder, "curves", curves(inputs.many("history")))
        write_call(folder, "predictions", predictions(tables, told.metrics, config.most))
        plots = [path for name in PLOTS for path in inputs.many(name)]
        copies = {path: _copied(path, folder / "plots") for path in plots}
    beside = {path: f"{outputs.one('data').name}/plots/{name}" for path, name in copies.items()}
    write_scripts(outputs.one("app"))
    write_text(outputs.one("page"), render(tables, collections, beside, config, told))


def gather(tables: Tables, config: Report) -> list[Collection]:
    """Return every kind of sample that the run made."""
    people, names, most = People(tables), Names(tables), config.most
    found = [
        photographs(tables, people, Densities(tables, "images"), most),
        pairs(tables, names, people, most),
        edits(tables, names, people, most),
        synthetic(tables, Densities(tables, "synthetic"), most),
    ]
    return [*found, drawn(tables, most)] if tables.has("gan_samples") else found


def _run_of(path: Path) -> str:
    """Return the model and run that a file stands below, as ``<stage>/<model>/<run>/<file>``."""
    return " ".join(path.parts[-3:-1])


def _copied(path: Path, folder: Path) -> str:
    """Copy a plot into a folder under a name of all that tells it apart, and return that name."""
    folder.mkdir(exist_ok=True)
    name = "-".join(path.parts[-4:] if "evaluate_gan" in path.parts[-4:] else path.parts[-2:])
    (folder / name).write_bytes(path.read_bytes())
    return name
