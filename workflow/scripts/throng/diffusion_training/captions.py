"""What is said of a window: how many people, in words or figures, and where; and of a place without anybody."""

from collections.abc import Iterable

import numpy as np

NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
VAGUE_SHARE = 0.08
NOBODY = ("an empty place with no people", "no people", "an empty place", "a deserted place")
A_FEW, FEW = "a few people", range(2, 9)
KINDS = ("a photograph of", "a photograph of", "a photo of", "an image of", "")
PLACES = (
    "on a city street", "on a public square", "on a city street", "on a public square", "in a street", "in a square",
    "on a pavement", "",
)  # fmt: skip
VIEWS = (
    "seen from above head height", "seen from a high window", "at eye level", "seen from above", "seen from a balcony",
    "",
)  # fmt: skip
CONDITIONS = (
    "in bright sunshine", "on an overcast day", "at dusk in the rain", "daylight", "in the morning", "at night", "",
)  # fmt: skip
EMPTY = (
    "an empty place, nobody around, ground and background continuing naturally",
    "an empty place, nobody around",
    "an empty place with no people",
    "ground and background continuing naturally",
    "an empty street, nobody around",
    "an empty square",
)  # fmt: skip
OTHER_WORDS = (
    "about aerial afternoon and angle any are bad balcony beach black blue blurred blurry body bridge bright "
    "building busy camera campus cartoon child children city clear close cloud clouds cloudy concert crossing crowd "
    "crowded crowds dark day deformed dense distance down drawing drone dry duplicate eighty exactly face faces far "
    "festival few fifty figure figures filling floor fog foggy forty green grey ground group groups hall high huge "
    "human humans hundred is it large lens level light low mall man mannequin many market men midday near ninety "
    "noon not of old overcast painting park pedestrian pedestrians people person place platform plaza quality quiet "
    "rainy realistic red road seventy several shadow shadows shop shops short silhouette sitting sixty sky small "
    "snow snowy some sparse stadium standing station statue street summer surveillance tall text the there thirty "
    "thousand town tree trees up view village walking wall walls watermark wet white whole window winter with "
    "without woman women young zero"
)  # fmt: skip


def caption(count: int, rng: np.random.Generator) -> str:
    """Return a sentence that asks for ``count`` people, 0 to 20, worded in one of several ways."""
    vague = count in FEW and rng.random() < VAGUE_SHARE
    how_many = A_FEW if vague else str(rng.choice(wordings(count)))
    first = " ".join(part for part in (str(rng.choice(KINDS)), how_many, str(rng.choice(PLACES))) if part)
    return ", ".join(part for part in (first, str(rng.choice(VIEWS)), str(rng.choice(CONDITIONS))) if part)


def wordings(count: int) -> list[str]:
    """Return every way of saying how many people."""
    if count == 0:
        return [*NOBODY]
    noun = "person" if count == 1 else "people"
    return [f"{NUMBERS[count]} {noun}", f"{count} {noun}"]


def empty_caption(rng: np.random.Generator) -> str:
    """Return a sentence for a place where nobody is."""
    return str(rng.choice(EMPTY))


def words() -> list[str]:
    """Return every word of every caption, and others that prompts are likely to have, sorted."""
    said: Iterable[str] = (
        *NUMBERS, *NOBODY, A_FEW, *KINDS, *PLACES, *VIEWS, *CONDITIONS, *EMPTY, OTHER_WORDS, "people", "person",
    )  # fmt: skip
    return sorted({word.strip(",") for phrase in said for word in phrase.split()})
