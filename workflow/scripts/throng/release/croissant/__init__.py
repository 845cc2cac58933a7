"""The Croissant file of a release: what programs may know of it before they open a file."""

import json
from typing import Any

from throng.release.card_parts.structure import opening
from throng.release.card_parts.terms import used
from throng.release.citation import bibtex, person, spelled
from throng.release.croissant.layout import distribution, record_sets
from throng.release.croissant.provenance import activities, derived_from
from throng.release.croissant.responsible import responsible
from throng.release.croissant.vocabulary import CONFORMS_TO, CONTEXT
from throng.release.facts import Facts
from throng.release.model_terms import duties

CROISSANT = "croissant.json"
KEYWORDS = ["crowd counting", "density map", "ranked pairs", "synthetic data", "inpainting"]


def document(facts: Facts) -> dict[str, Any]:
    """Return a release's description in Croissant 1.1 with RAI 1.0 and PROV-O, as plain JSON values."""
    config, card = facts.config, facts.config.card
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": config.name,
        "description": opening(facts).replace("*", ""),
        "conformsTo": CONFORMS_TO,
        "citeAs": bibtex(facts).strip(),
        "creator": [_creator(name) for name in card.creators],
        "datePublished": card.date,
        "inLanguage": "en",
        "isLiveDataset": False,
        "keywords": KEYWORDS,
        "license": _licence(config.licence),
        "url": card.url,
        "usageInfo": [{"@type": "sc:CreativeWork", "name": words} for words in duties(used(facts))],
        "version": facts.version,
        **responsible(facts),
        "prov:wasDerivedFrom": derived_from(facts),
        "prov:wasGeneratedBy": activities(facts),
        "distribution": distribution(facts),
        "recordSet": record_sets(facts),
    }


def croissant_text(facts: Facts) -> str:
    """Return the text of ``croissant.json``."""
    return json.dumps(document(facts), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _creator(name: str) -> dict[str, str]:
    names = person(name)
    if names is None:
        return {"@type": "sc:Organization", "name": name}
    family, given = names
    return {"@type": "sc:Person", "name": spelled(name), "familyName": family, "givenName": given}


def _licence(licence: str) -> str:
    """Return the page of an SPDX licence, which Croissant wants, or the licence's own words."""
    return f"https://spdx.org/licenses/{licence}.html" if " " not in licence else licence
