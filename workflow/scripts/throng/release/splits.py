"""No scene on two sides of a split: near-copies of one place must not be learnt from and measured on."""

from collections.abc import Collection, Iterable

from throng.errors import ThrongError
from throng.manifest import OK
from throng.release.corpus import Corpus

TEST = "test"


def check_scenes(rows: Iterable[tuple[str, str, str]], shared: Collection[str] = ()) -> None:
    """Raise ThrongError when one scene is in two splits; rows are (scene, split, what to call the row).

    The scenes ``shared`` may be in test and in one other split, because their source was published so.
    """
    first: dict[tuple[str, bool], tuple[str, str]] = {}
    for scene, split, name in rows:
        if not scene:
            continue
        apart = scene in shared and split == TEST
        seen_split, seen_name = first.setdefault((scene, apart), (split, name))
        if seen_split != split:
            raise ThrongError(
                f"scene {scene!r} is in two splits: {seen_name} in {seen_split!r}, {name} in {split!r}; correct "
                f"these rows, or name their source in release.shared_scenes if it was published so"
            )


def shared_scenes(corpus: Corpus, sources: Collection[str]) -> list[str]:
    """Return the scenes that the named sources were published with in test and in another split, sorted."""
    splits: dict[str, set[str]] = {}
    for row in corpus.images:
        if row.status == OK and row.source in sources and row.scene:
            splits.setdefault(row.scene, set()).add(row.split)
    return sorted(scene for scene, found in splits.items() if TEST in found and len(found) > 1)


def check_corpus(corpus: Corpus, shared: Collection[str]) -> None:
    """Check the scenes of every photograph, pair and synthesised image together; see :func:`check_scenes`."""
    made = [row for row in corpus.synthetic if row.status == OK]
    check_scenes(
        [
            *((row.scene, row.split, f"image {row.id}") for row in corpus.images if row.status == OK),
            *((row.scene, row.split, f"ranked pair {row.id}") for row in corpus.ranked_pairs),
            *((row.scene, row.split, f"synthetic image {row.id}") for row in made),
        ],
        shared,
    )


def check_held_out(corpus: Corpus) -> None:
    """Raise ThrongError when a training image holds pixels of a held-out photograph, or was learnt from one."""
    for row in corpus.drawn:
        if held_out := sorted(set(row.learnt_from) - {"train"}):
            raise ThrongError(
                f"drawn image {row.id} is for training, but generator {row.gan!r} learnt from split {held_out[0]!r}; "
                f"train it on training photographs alone"
            )
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
