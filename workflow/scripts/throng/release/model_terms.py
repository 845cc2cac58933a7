"""Which models a run used, under which licences, and what those ask of whoever uses the data."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Footers = Mapping[str, list[dict[str, Any]]]

UNRECORDED = "not recorded"
# backends whose software claims its licence for every model that is trained with it
OF_BACKENDS = {"ultralytics": "AGPL-3.0"}
# what a family of licences asks, by what its name has in it
DUTIES = (
    (
        "openrail",
        "an OpenRAIL licence: its use restrictions (unlawful, harmful, deceptive and discriminating uses, among "
        "others) bind what the model made too, and must be passed on with it",
    ),
    (
        "agpl",
        "binds whoever passes the model or its software on, or offers it over a network; this release holds what it "
        "found in images, and neither",
    ),
    ("non-commercial", "forbids commercial use of the model; read whether it speaks of what the model made"),
    ("noncommercial", "forbids commercial use of the model; read whether it speaks of what the model made"),
    ("-nc", "forbids commercial use"),
    ("stability", "Stability's terms: read them, they depend on who uses the model and for what"),
)


@dataclasses.dataclass(frozen=True)
class ModelTerms:
    """A model that made rows of a table: its backend, its file and sha256, its licence, and what that asks."""

    table: str
    backend: str
    model: str
    sha256: str
    licence: str
    duty: str


def model_terms(footers: Footers, licences: Mapping[str, str]) -> list[ModelTerms]:
    """Return the models that a run's tables name, sorted, each once per table and backend.

    A licence is looked up in ``licences`` by the model's file, repository or sha256, then in the configuration of the
    stage that ran it, then among what its backend is known by; where nothing says it, it is :data:`UNRECORDED`.
    """
    found = {terms for table, parts in footers.items() for footer in parts for terms in _terms(table, footer, licences)}
    return sorted(found, key=dataclasses.astuple)


def _terms(table: str, footer: Mapping[str, Any], licences: Mapping[str, str]) -> Iterator[ModelTerms]:
    model = footer.get("model")
    if not model:
        return
    backend = footer.get("backend") or ""
    sha256 = str(model.get("sha256") or model.get("generator") or "")
    names = [str(value) for value in model.values()]
    licence = next((licences[name] for name in names if name in licences), None) or _configured(footer)
    licence = licence or OF_BACKENDS.get(backend, UNRECORDED)
    name = str(model.get("repo") or model.get("file") or model.get("model") or "")
    yield ModelTerms(table, backend, name, sha256, licence, duty_of(licence))


def _configured(footer: Mapping[str, Any]) -> str | None:
    section = footer["config"].get(footer["stage"])
    return section.get("licence") if isinstance(section, Mapping) else None


def duty_of(licence: str) -> str:
    """Return what a licence asks of whoever uses the data, empty where nothing is known of it."""
    if licence == UNRECORDED:
        return "read its terms where it came from, and name them in release.card.model_licences"
    spelled = licence.lower()
    return next((duty for part, duty in DUTIES if part in spelled), "")


def duties(terms: Sequence[ModelTerms]) -> list[str]:
    """Return each distinct licence with what it asks, as sentences."""
    return sorted({f"{one.licence}: {one.duty}" for one in terms if one.duty})
