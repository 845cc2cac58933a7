"""A run in miniature, with its page, the scripts beside it and the data that it reads."""

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.release.miniature import Run, Written, picture
from throng.evaluation.counted import BEST_ON_TEST, Counted
from throng.evaluation.map_scores import MAP_COLUMNS
from throng.evaluation.summary import summarise
from throng.files import sha256_file
from throng.images import encode_jpeg, encode_png
from throng.manifest import write_table
from throng.provenance import Provenance
from throng.release.index import FORMAT_VERSION
from throng.sections.report import Report
from throng.stage import Files
from throng.stages import report
from throng.tables import predictions
from throng.tables.predictions import PredictionRow

TRUE = np.array([2.0, 4.0, 6.0, 8.0, 10.0, 20.0, 30.0, 40.0, 50.0])
RUNS = {
    "throng": np.stack([TRUE + 4, TRUE - 2]),
    "careful": (TRUE + 1)[None],
}


def metrics() -> dict[str, Any]:
    """What evaluate says of a counter of two runs, chosen on the test split, and of one of a single run."""
    counters = [
        Counted(
            name,
            tuple(f"seed-{number + 1}" for number in range(len(predicted))),
            TRUE,
            predicted,
            predicted - 3,
            predicted + 3,
            0.9,
            {column: np.full(predicted.shape, 0.25) for column in MAP_COLUMNS},
            (BEST_ON_TEST,) if name == "throng" else (),
        )
        for name, predicted in RUNS.items()
    ]
    facts = {name: {"published": False, "parameters": 123456, "gmac_768x1024": 7.89} for name in RUNS}
    run_facts = {(one.name, run): {"validation_mae": 3.21} for one in counters for run in one.runs}
    figures = summarise(counters, facts, run_facts, [10, 12], bins=[0, 10], resamples=100)
    return {**figures, "split": "test", "scheme": "whole"}


def share(group: str, right: int, number: int) -> dict[str, object]:
    return {"group": group, "right": right, "number": number, "share": right / number, "low": 0.5, "high": 1.0}


AUDIT = {
    "order": {"all": share("all", 9, 10), "by_kind": [share("real-edited", 3, 4), share("sham-equal", 6, 6)]},
    "shortcut": [{"backend": "opencv", "verdict": "shortcut: <the> edits give themselves away"}],
}
CALIBRATION = {
    "errors": [
        {
            "maker": "prompted",
            "requested": 20,
            "images": 8,
            "exact": None,
            "detected": {"error": 0.31},
            "predicted": None,
            "calibrated": {"error": 0.4},
            "published": 0.45,
        }
    ],
    "filters": [{"filter": "near-duplicate", "removed": 2}, {"filter": "wrong content", "removed": 0}],
}
AGREEMENT = {
    "truth": [
        {
            "group": "rendered photographs",
            "meaning": meaning,
            "images": 9,
            "labellers": [{"labeller": "kde fixed", "value": value}, {"labeller": "kde compat", "value": None}],
        }
        for meaning, value in (("number of people", 0.875), ("people per square metre", 0.96))
    ]
}
RUNG = {"rmse": 5.0, "r2": 0.5, "bias": -1.25, "mae_95": [3.0, 4.5]}
LADDER = {
    "rungs": [
        {"rung": "mean count", "mae": 9.5, "says": "whatever is shown", "against": None, **RUNG},
        {"rung": "detector", "mae": 3.75, "says": "", "against": {"verdict": "detector is better by 5.75"}, **RUNG},
    ],
    "reference": {"mae": 8.125, **RUNG},
    "images": 9,
    "split": "test",
}
GAN = {
    "quality": [
        {
            "name": "random",
            "frechet": {"value": 0.79},
            "precision": {"value": 0.5},
            "recall": None,
            "extractor": {"comparable": False},
        }
    ],
    "conditioning": {"judges": [{"judge": "trained", "verdict": {"sentence": "It heeds the order."}}]},
}


def index_of(run: Run) -> dict[str, Any]:
    """What the index of this run's release says, as far as the page tells it."""
    rejected = {
        table: Counter(row.reason.partition(":")[0] for row in run.rows[table] if row.status != "ok")
        for table in ("images", "removals")
    }
    images, removals = run.rows["images"], run.rows["removals"]
    return {
        "format": "throng-release",
        "format_version": FORMAT_VERSION,
        "name": "tiny",
        "version": "1.2.3",
        "licence": "CC0-1.0",
        "conservation": [
            _line("ingest", "files", len(images), rejected["images"]),
            _line("remove", "images", len(removals), rejected["removals"]),
        ],
        "left_out": {"fixed_count": {"opted out": 2, "near copy": 1}, "ranked_pairs": {}},
        "totals": {"files": 1, "bytes": 2_500_000},
        "products": {"fixed_count": {"pixels": {"train": 4}, "recipes": {}}},
        "files": [
            {
                "path": "data/fixed_count/train.parquet",
                "config": "fixed_count",
                "split": "train",
                "format": "parquet",
                "rows": 4,
                "bytes": 2_500_000,
                "sha256": "5a" * 32,
            }
        ],
        "provenance": {"stage": "release", "backend": None, "code": "c0de", "config": {}, "parents": {}},
    }


def _line(stage: str, unit: str, number: int, rejected: Counter[str]) -> dict[str, Any]:
    kept = number - rejected.total()
    return {"stage": stage, "unit": unit, "units_in": number, "units_out": number, "kept": kept, "rejected": rejected}


@dataclasses.dataclass(frozen=True)
class Made:
    """The page, and the folders beside it."""

    written: Written
    html: str

    @property
    def folder(self) -> Path:
        return self.written.root / "report"

    def payload(self, name: str) -> Any:
        """Return what a script of data hands to the page."""
        text = (self.folder / "data" / f"{name}.js").read_text()
        start = f"throng({json.dumps(name)},"
        assert text.startswith(start)
        assert text.endswith(");\n")
        return json.loads(text.removeprefix(start).removesuffix(");\n"))

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Return all rows of a kind, page after page, with the pictures put in."""
        found = []
        for path in sorted((self.folder / "data" / kind).glob("page-*.js")):
            page = self.payload(f"{kind}/{path.stem}")
            for row in page["rows"]:
                for shown in row["pictures"]:
                    shown["thumbnail"] = page["pictures"][shown["at"]]
                found.append(row)
        return found

    def files(self) -> dict[str, str]:
        """Return the sha256 of every file, by path."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): sha256_file(path) for path in paths}


def make_page(run: Run, root: Path, *, extras: bool = False, **settings: Any) -> Made:
    """Write a run and its page; ``extras`` are a generator's evaluation and a ladder."""
    written = run.write(root)
    inputs = inputs_of(run, written)
    if extras:
        inputs |= {
            "ladder": [_json(root / "ladder/ladder.json", LADDER)],
            "ladder_figure": [_plot(root / "ladder/ladder.png", 7)],
            "gan_metrics": [_json(root / "evaluate_gan/crowds/seed-1/metrics.json", GAN)],
            "gan_pictures": [_plot(root / "evaluate_gan/crowds/seed-1/sweep.png", 8)],
        }
    write_page(written, inputs, root / "report", **settings)
    return Made(written, (root / "report" / "report.html").read_text())


def inputs_of(run: Run, written: Written) -> dict[str, list[str]]:
    """Write what other stages say of a run, and return all inputs of its page by name."""
    root = written.root
    return {name: [str(written.results / path)] for name, path in written.paths.items()} | {
        "metrics": [_json(root / "evaluate/metrics.json", metrics())],
        "audit": [_json(root / "audit.json", AUDIT)],
        "calibration": [_json(root / "calibration.json", CALIBRATION)],
        "agreement": [_json(root / "agreement.json", AGREEMENT)],
        "plots": [_plot(root / "evaluate" / name, k) for k, name in enumerate(("scatter.png", "examples.jpg"))],
        "predictions": [_predictions(root, run)],
        "history": [_history(root / "train_counter/throng/seed-1/history.jsonl")],
        "index": [_json(root / "release/index.json", index_of(run))],
    }


def write_page(written: Written, inputs: dict[str, list[str]], folder: Path, **settings: Any) -> None:
    """Run the stage."""
    section = Report(**settings)
    outputs = Files({name: [str(folder / path)] for name, path in OUTPUTS.items()})
    report.run(Files(inputs), outputs, section, written.context("report", section))


OUTPUTS = {"page": "report.html", "data": "data", "app": "app"}


def _json(path: Path, content: object) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


def _plot(path: Path, number: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((encode_png if path.suffix == ".png" else encode_jpeg)(picture(5000 + number)))
    return str(path)


def _history(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [{"step": 10 * k, "loss": 1 / k, "collapse": ""} for k in range(1, 5)] + [{"step": 40, "val_mae": 3.5}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def _predictions(root: Path, run: Run) -> str:
    path = root / "evaluate/predictions.parquet"
    photographs = sorted({row.id for row in run.rows["images"] if row.status == "ok"})
    rows = [
        _prediction(counter, f"seed-{seed + 1}", image_id, 4.0 + seed)
        for counter, predicted in RUNS.items()
        for seed in range(len(predicted))
        for image_id in photographs
    ]
    write_table(path, predictions.TABLE, rows, Provenance("evaluate", {"evaluate": {}, "seed": 7}, "c0de", 7, {}))
    return str(path)


def _prediction(counter: str, run: str, image_id: str, predicted: float) -> PredictionRow:
    return PredictionRow(
        counter=counter,
        run=run,
        id=image_id,
        source="open",
        split="test",
        count=4,
        predicted=predicted,
        low=None,
        high=None,
        game1=0.0,
        game2=0.0,
        game3=0.0,
        dm_distance=0.0,
        psnr=None,
        ssim=None,
    )
