"""No row of a backend that the configuration does not list may slip into a release."""

from collections.abc import Sequence

from throng.errors import ThrongError
from throng.manifest import OK
from throng.release.corpus import Corpus

MAKING = ("detections", "removals", "synthetic", "gan_samples")


def backends_used(corpus: Corpus) -> dict[str, dict[str, int]]:
    """Count kept rows by table and backend."""
    counts = {name: corpus.counts(name, ["backend", "status"]) for name in MAKING}
    return {
        name: {backend: number for (backend, status), number in found.items() if status == OK}
        for name, found in counts.items()
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
