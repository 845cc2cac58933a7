"""No scene on two sides of a split: near-copies of one place must not be learnt from and measured on."""

from collections.abc import Iterable

from throng.errors import ThrongError
from throng.manifest import OK
from throng.release.corpus import Corpus


def check_scenes(rows: Iterable[tuple[str, str, str]]) -> None:
    """Raise ThrongError when one scene is in two splits; rows are (scene, split, what to call the row)."""
    first: dict[str, tuple[str, str]] = {}
    for scene, split, name in rows:
        if not scene:
            continue
        seen_split, seen_name = first.setdefault(scene, (split, name))
        if seen_split != split:
            raise ThrongError(
                f"scene {scene!r} is in two splits: {seen_name} in {seen_split!r}, {name} in {split!r}; "
                f"a scene belongs to one split, so correct the scene or split of these rows and rerun"
            )


def check_corpus(corpus: Corpus) -> None:
    """Check the scenes of every photograph, pair and synthesised image together; see :func:`check_scenes`."""
    check_scenes(
        [
            *((row.scene, row.split, f"image {row.id}") for row in corpus.images if row.status == OK),
            *((row.scene, row.split, f"ranked pair {row.id}") for row in corpus.ranked_pairs),
            *((row.scene, row.split, f"synthetic image {row.id}") for row in corpus.synthetic if row.status == OK),
        ]
    )


def check_held_out(corpus: Corpus) -> None:
    """Raise ThrongError when a synthesised training image holds pixels of a validation or test photograph."""
    for row in corpus.synthetic:
        if row.status != OK or row.split != "train":
            continue
        for parent in row.parents:
            for photograph in corpus.photograph(parent, f"synthetic image {row.id}"):
                if photograph.split != "train":
                    raise ThrongError(
                        f"synthetic image {row.id} is for training but holds pixels of image {parent} from split "
                        f"{photograph.split!r}; rerun stage synthesize with training photographs alone"
                    )
