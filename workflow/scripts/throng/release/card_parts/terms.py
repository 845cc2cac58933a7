"""Card sections on terms: the collection's licence, the models', the generators', and how to cite."""

from collections.abc import Sequence

from throng.release.card_parts.groups import kept
from throng.release.card_parts.markdown import bullets, table, text
from throng.release.citation import bibtex
from throng.release.facts import Facts
from throng.release.model_terms import ModelTerms, duties, model_terms


def licences(facts: Facts) -> str:
    """Return the licence of the collection, and of made images by maker."""
    words = (
        f"The release as a collection is under {text(facts.config.licence)}; the column `licence` has the terms of "
        f"every row, which go before."
    )
    found = kept(facts.corpus, "synthetic", "maker", "licence", "redistributable")
    rows = [[maker, licence, "yes" if allowed else "no", number] for (maker, licence, allowed), number in found.items()]
    made = (
        f"\n\nMade images:\n\n{table(['maker', 'licence', 'pixels may be passed on', 'images'], rows)}" if rows else ""
    )
    return words + made


def models(facts: Facts) -> str:
    """Return the licences of the models that the run used, and what they ask."""
    found = used(facts)
    if not found:
        return "No trained model was used."
    rows = [[f"`{one.table}`", one.backend, one.model, one.sha256[:16], one.licence] for one in found]
    asked = duties(found)
    words = f"\n\n{bullets(map(text, asked))}" if asked else ""
    header = ["table", "backend", "model", "sha256", "licence"]
    return f"Models that were used, and what their licences ask:\n\n{table(header, rows)}{words}"


def used(facts: Facts) -> Sequence[ModelTerms]:
    """Return the models that the run's tables name."""
    return model_terms(facts.footers, facts.config.card.model_licences)


def generators(facts: Facts) -> str:
    """Count the drawn images by generator, label and terms."""
    names = ("gan", "run", "generator", "label_name", "licence", "permission", "redistributable")
    rows = [
        [gan, run, digest[:16], label, licence, f"yes, by {by}" if by else "yes" if allowed else "no", number]
        for (gan, run, digest, label, licence, by, allowed), number in kept(facts.corpus, "gan_samples", *names).items()
    ]
    header = ["generator", "run", "sha256", "label", "licence", "pixels may be passed on", "images"]
    words = (
        "A generator's images are under the strictest terms of the photographs that it learnt from, unless somebody "
        "is named who allowed more. Generator, label, seed and truncation make an image again: `throng gan images`."
    )
    return f"{words}\n\n{table(header, rows)}" if rows else ""


def citation(facts: Facts) -> str:
    """Return what to cite: the publication that was named, or the dataset itself."""
    return (
        f"```bibtex\n{bibtex(facts).strip()}\n```\n\n`CITATION.cff` says the same in the Citation File Format. Cite "
        f"the sources that a sample comes from too."
    )
