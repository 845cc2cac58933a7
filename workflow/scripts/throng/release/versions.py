"""Which version a release is: semantic versioning of data by the Croissant rule, held against the release before."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from throng.errors import ThrongError
from throng.files import sha256_file
from throng.provenance import Provenance, canonical_json
from throng.release.difference import (
    Changes,
    Difference,
    Step,
    compare_files,
    compare_records,
    compare_settings,
    read_records,
)
from throng.release.index import INDEX, read_index
from throng.release.records import RECORDS
from throng.release.shards import Written
from throng.sections.release import Release

FIRST = "0.1.0"
NEXT = "next"
SHARDS = ("parquet", "webdataset")


def unversioned(provenance: Provenance, previous: Sequence[Path]) -> Provenance:
    """Return the provenance less the version and the release before, so that equal shards have equal bytes."""
    section = provenance.config["release"]
    rest = {name: value for name, value in section.items() if name not in ("version", "previous")}
    before = {sha256_file(path) for path in previous}
    parents = {name: sha256 for name, sha256 in provenance.parents.items() if sha256 not in before}
    return dataclasses.replace(provenance, config={**provenance.config, "release": rest}, parents=parents)


def resolve(
    config: Release, previous: Sequence[Path], records: Path, files: Sequence[Written], made: Mapping[str, Any]
) -> str:
    """Return the version of a release whose records and shards are written.

    ``previous`` are index and records of the release before, or nothing; ``made`` is what the new index will say of
    licence, shared_scenes, provenance and made_by. Raises ThrongError when the configured version is lower than the
    rule allows: equal releases keep their version, packaging alone moves PATCH, added records MINOR, and changed or
    removed records and those that moved across splits MAJOR (Croissant 1.1, "Dataset versioning").
    """
    if not previous:
        return FIRST if config.version == NEXT else config.version
    found = _held_against(config, previous, records, files, made)
    old = found.versions[0]
    least = moved(old, found.step)
    if config.version == NEXT:
        return least
    if parts(config.version) < parts(least):
        raise ThrongError(
            f"release.version is {config.version}, but {old} is out and {reason(found)}: {least} or higher is due; "
            f"set it, or set it to next"
        )
    return config.version


def _held_against(
    config: Release, previous: Sequence[Path], records: Path, files: Sequence[Written], made: Mapping[str, Any]
) -> Difference:
    by_name = {path.name: path for path in previous}
    if set(by_name) != {INDEX, RECORDS}:
        raise ThrongError(f"the release before is given as {sorted(by_name)}, expected {INDEX} and {RECORDS}")
    index = read_index(by_name[INDEX].parent)
    if index["name"] != config.name:
        raise ThrongError(
            f"release.previous is release {index['name']!r}, this is {config.name!r}; name the release before of the "
            f"same dataset, or null"
        )
    return Difference(
        (index["version"], config.version),
        compare_records(read_records(by_name[RECORDS]), read_records(records)),
        compare_files(
            {file["path"]: file["sha256"] for file in index["files"] if file["format"] in SHARDS},
            {file.path: file.sha256 for file in files if file.format in SHARDS},
        ),
        compare_settings(index, json.loads(canonical_json(made))),
    )


def parts(version: str) -> tuple[int, int, int]:
    """Return major, minor and patch of a version; raises ThrongError for any other text."""
    numbers = version.split(".")
    if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
        raise ThrongError(f"version {version!r}: expected three numbers, such as 1.4.2")
    major, minor, patch = map(int, numbers)
    return major, minor, patch


def moved(version: str, step: Step) -> str:
    """Return the least version after ``version`` that a step allows."""
    major, minor, patch = parts(version)
    least = {
        Step.NONE: (major, minor, patch),
        Step.PATCH: (major, minor, patch + 1),
        Step.MINOR: (major, minor + 1, 0),
        Step.MAJOR: (major + 1, 0, 0),
    }
    return ".".join(map(str, least[step]))


def reason(found: Difference) -> str:
    """Return what decides the step, e.g. "3 records of ranked_pairs were removed"."""
    deciding = [changes for changes in found.records if changes.step == found.step]
    if found.step == Step.NONE:
        return "nothing differs"
    if found.step == Step.PATCH or not deciding:
        return "its packaging differs"
    return "; ".join(_told(changes) for changes in deciding)


def _told(changes: Changes) -> str:
    fates = {"added": "added", "removed": "removed", "changed": "changed", "moved": "moved to another split"}
    told = [f"{getattr(changes, fate)} {word}" for fate, word in fates.items() if getattr(changes, fate)]
    return f"of {changes.product}, records were: {', '.join(told)}"
