"""No row of a backend that the configuration does not list may slip into a release."""

from collections import Counter
from collections.abc import Sequence

from throng.errors import ThrongError
from throng.manifest import OK
from throng.release.corpus import Corpus


def backends_used(corpus: Corpus) -> dict[str, dict[str, int]]:
    """Count kept rows by table and backend."""
    tables = {
        "detections": corpus.detections,
        "removals": corpus.removals,
        "synthetic": corpus.synthetic,
        "gan_samples": corpus.gan_samples,
    }
    return {
        name: dict(sorted(Counter(row.backend for row in rows if row.status == OK).items()))
        for name, rows in tables.items()
    }


def check_backends(corpus: Corpus, listed: Sequence[str]) -> None:
    """Raise ThrongError when a kept row was made by a backend that ``release.backends`` does not list."""
    for table, counts in backends_used(corpus).items():
        for backend, rows in counts.items():
            if backend not in listed:
                raise ThrongError(
                    f"release.backends does not list {backend!r}, which made {rows} rows of table {table!r} "
                    f"(listed: {', '.join(listed) or 'none'}); list it, or make these rows with a listed backend"
                )
