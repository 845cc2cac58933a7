"""What a run counted: classes, metrics, files, and what made each table."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from throng.manifest import OK
from throng.report.reading import TABLES, Tables

View = dict[str, Any]
ERRORS = {"mae": "MAE", "mae_95": "95 % interval", "rmse": "RMSE", "mape": "MAPE"}
MAPS = {
    "game1": "GAME(1)",
    "game2": "GAME(2)",
    "game3": "GAME(3)",
    "dm_distance": "DM distance",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
}
COST = {"parameters": "parameters", "gmac_768x1024": "GMAC at 768x1024"}
PERCENT = ("mape",)


def density_view(tables: Tables) -> list[View]:
    """Return, per table, the classes from the emptiest with their numbers and bar lengths in percent."""
    said = tables.read("density_labels", ["table", "status", "density_class", "class_name"]).to_pylist()
    views = []
    for table in ("images", "synthetic"):
        rows = [row for row in said if row["table"] == table]
        kept = Counter((row["density_class"] or 0, row["class_name"]) for row in rows if row["status"] == OK)
        if rows:
            top = max(kept.values(), default=1)
            classes = [
                {"name": name, "number": number, "percent": round(100 * number / top)}
                for (_, name), number in sorted(kept.items())
            ]
            views.append({"table": table, "classes": classes, "rejected": len(rows) - sum(kept.values())})
    return views


def metrics_view(metrics: Mapping[str, Any]) -> View:
    """Return the baseline and every counter as a table, and how every two of them compare in words."""
    columns = ERRORS | {"bias": "mean error"} | MAPS | COST
    rows = []
    for record in (metrics["baseline"] | {"runs": None}, *metrics["counters"]):
        name = record.get("label", record["counter"])
        cells = [cell(record.get(key), percent=key in PERCENT) for key in columns]
        rows.append([name, cell(record["runs"]), *cells, _coverage(record.get("calibration"))])
    return {
        "header": ["counter", "runs", *columns.values(), "truth inside interval"],
        "rows": rows,
        "comparisons": [one["verdict"] for one in metrics["comparisons"]],
        "images": metrics["images"],
        "split": metrics["split"],
        "scheme": metrics["scheme"],
    }


def runs_view(metrics: Mapping[str, Any]) -> View:
    """Return every training of the counters that were trained more than once, as a table."""
    columns = {
        "mae": "MAE",
        "rmse": "RMSE",
        "mape": "MAPE",
        "bias": "mean error",
        "validation_mae": "MAE it was chosen by",
    }
    rows = [
        [record["label"], one["run"], *(cell(one.get(key), percent=key in PERCENT) for key in columns)]
        for record in metrics["counters"]
        if record["runs"] > 1
        for one in record["per_run"]
    ]
    return {"header": ["counter", "run", *columns.values()], "rows": rows}


def bins_view(metrics: Mapping[str, Any]) -> list[View]:
    """Return the errors of every counter by density bin, as tables."""
    header = ["true count", "images", "MAE", "RMSE", "mean error"]
    keys = ("images", "mae", "rmse", "bias")
    return [
        {
            "counter": record["label"],
            "header": header,
            "rows": [[_interval(entry), *(cell(entry[key]) for key in keys)] for entry in record["bins"]],
        }
        for record in metrics["counters"]
    ]


def sources_view(tables: Tables) -> list[View]:
    """Return every source with its licence, whether its pixels may be passed on, and its files by split."""
    found: dict[tuple[str, str, bool], Counter[str]] = {}
    for row in tables.read("images", ["source", "licence", "redistributable", "split", "status"]).to_pylist():
        key = (row["source"], row["licence"], row["redistributable"])
        found.setdefault(key, Counter())[row["split"] if row["status"] == OK else "rejected"] += 1
    return [
        {"source": source, "licence": licence, "open": allowed, "numbers": numbers}
        for (source, licence, allowed), numbers in sorted(found.items())
    ]


def closed_makers(tables: Tables) -> list[str]:
    """Return whose images may not be passed on, in words: makers of synthetic images and samplers of generators."""
    found = []
    for table, maker, words in (("synthetic", "maker", "maker"), ("gan_samples", "sampler", "sampler")):
        if tables.has(table):
            rows = tables.read(table, [maker, "redistributable", "status"]).to_pylist()
            closed = {row[maker] for row in rows if row["status"] == OK and not row["redistributable"]}
            found += [f"{words} {name}" for name in sorted(closed)]
    return found


def footers_of(tables: Tables) -> dict[str, list[View]]:
    """Return what made each part of each table that the run has."""
    return {name: tables.footers(name) for name in TABLES if tables.has(name)}


def provenance_view(footers: Mapping[str, Sequence[View]], index: Mapping[str, Any]) -> list[View]:
    """Return what made each table, and the release, as indented JSON; equal parts once."""
    views = []
    for table, parts in ({**footers, "release": [index["provenance"]]}).items():
        told: list[View] = []
        for part in parts:
            if part not in told:
                told.append(part)
        views.append(
            {
                "table": table,
                "stage": told[0]["stage"],
                "backend": ", ".join(dict.fromkeys(part["backend"] for part in told if part["backend"])),
                "code": told[0]["code"][:12],
                "json": json.dumps(told if len(told) > 1 else told[0], indent=2, sort_keys=True),
            }
        )
    return views


def made_view(footers: Mapping[str, Sequence[View]]) -> dict[str, list[View]]:
    """Return, for a clicked sample, what made each part of each table, in short."""
    return {
        table: [{name: part[name] for name in ("stage", "backend", "code", "seed", "model")} for part in parts]
        for table, parts in footers.items()
    }


def meanings_view(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what every column of tables means."""
    return {
        name: {field.name: field.metadata[b"description"].decode() for field in TABLES[name].schema} for name in names
    }


def audit_view(audit: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the audit says of the pairs: right by true count, by kind, and its verdict on each backend."""
    order = audit["order"]
    rows = [
        [
            one["group"],
            one["number"],
            cell(one["share"], percent=True),
            f"{cell(one['low'], percent=True)} to {cell(one['high'], percent=True)}",
        ]
        for one in (order["all"] | {"group": "all"}, *order["by_kind"])
        if one["number"]
    ]
    return {
        "header": ["kind", "pairs with truth", "in order", "95 % interval"],
        "rows": rows,
        "verdicts": [f"{one['backend']}: {one['verdict']}" for one in audit["shortcut"] if "verdict" in one],
    }


def counts_view(calibration: Mapping[str, Any]) -> dict[str, Any]:
    """Return how far requested counts are from what is there, by maker, and what every filter removed."""
    curves = ("exact", "detected", "predicted", "calibrated")
    rows = [
        [
            one["maker"],
            one["requested"],
            one["images"],
            *(cell(one[name]["error"] if one[name] else None, percent=True) for name in curves),
            cell(one["published"], percent=True),
        ]
        for one in calibration["errors"]
    ]
    return {
        "header": ["maker", "requested", "images", *curves, "published"],
        "rows": rows,
        "removed": [f"{one['filter']}: {one['removed']}" for one in calibration["filters"] if one["removed"]],
    }


def truth_view(agreement: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, per group of images whose truth is known, every labeller's rank correlation with each truth."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for one in agreement["truth"]:
        groups.setdefault(one["group"], []).append(one)
    return [
        {
            "group": group,
            "header": ["labeller", *(f"{one['meaning']}, {one['images']} images" for one in truths)],
            "rows": [
                [told[0]["labeller"], *(cell(said["value"]) for said in told)]
                for told in zip(*(one["labellers"] for one in truths), strict=True)
            ],
        }
        for group, truths in groups.items()
    ]


def service_view(tables: Tables) -> dict[str, Any]:
    """Return how many images have people per square metre, and how many of each level of service."""
    grounds = tables.read("density_labels", ["ground"])["ground"].to_pylist()
    told = [ground for ground in grounds if ground is not None]
    levels = Counter(ground["level_of_service"] for ground in told)
    return {
        "told": len(told),
        "labelled": len(grounds),
        "levels": [f"{letter}: {number}" for letter, number in sorted(levels.items())],
    }


def ladder_view(found: Mapping[str, Any]) -> View:
    """Return every rung of the ladder as a table, from the lowest, and the mean training count, which uses labels."""
    rungs = [(record["rung"], record) for record in found["rungs"]]
    if found["reference"]:
        rungs.append(("mean of the training counts (uses labels)", found["reference"]))
    rows = [
        [
            name,
            cell(record["mae"]),
            cell(record["mae_95"]),
            cell(record["rmse"]),
            cell(record["r2"]),
            cell(record["bias"]),
            record.get("says", ""),
            (record.get("against") or {"verdict": ""})["verdict"],
        ]
        for name, record in rungs
    ]
    header = ["rung", "MAE", "95 % interval", "RMSE", "R²", "mean error", "what it adds", "worth"]
    return {"header": header, "rows": rows, "images": found["images"], "split": found["split"]}


def gan_view(metrics: Mapping[str, Any]) -> View:
    """Return how good a generator is, and how far it heeds the label that it is asked for."""
    judged = (metrics["conditioning"] or {"judges": []})["judges"]
    quality = [
        [
            one["name"],
            *(cell(one[name]["value"] if one[name] else None) for name in ("frechet", "precision", "recall")),
            "yes" if one["extractor"]["comparable"] else "no",
        ]
        for one in metrics["quality"]
    ]
    return {
        "header": ["features", "Fréchet distance", "precision", "recall", "comparable with published figures"],
        "rows": quality,
        "verdicts": [f"{one['judge']}: {one['verdict']['sentence']}" for one in judged if one.get("verdict")],
    }


def cell(value: Any, *, percent: bool = False) -> str:
    """Return a value as a table shows it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{100 * value:.1f} %" if percent else f"{value:.2f}"
    if isinstance(value, list):
        return " to ".join(cell(item) for item in value)
    return str(value)


def size(number: int) -> str:
    """Return a number of bytes in the largest decimal unit that leaves it at least one."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number} B"


def _interval(entry: Mapping[str, Any]) -> str:
    low, high = entry["low"], entry["high"]
    return f"{low} and more" if high is None else f"{low} to {high - 1}"


def _coverage(calibration: Mapping[str, Any] | None) -> str:
    if calibration is None:
        return cell(None)
    share, level = (cell(calibration[key], percent=True) for key in ("coverage", "level"))
    return f"{share} of {level}"
