"""The kinds of ranked pairs, and what each says of its two members."""

from throng.tables.ranked_pairs import AT_LEAST, EQUAL, MORE

REAL_EDITED, EDITED_EDITED, SHAM_EDITED = "real-edited", "edited-edited", "sham-edited"
SHAM_EQUAL, NESTED_CROP = "sham-equal", "nested-crop"
REAL_REDUCED, ENLARGED_REAL, ENLARGED_REDUCED = "real-reduced", "enlarged-real", "enlarged-reduced"

RELATIONS = {
    REAL_EDITED: MORE,
    EDITED_EDITED: MORE,
    SHAM_EDITED: MORE,
    SHAM_EQUAL: EQUAL,
    NESTED_CROP: AT_LEAST,
    REAL_REDUCED: MORE,
    ENLARGED_REAL: MORE,
    ENLARGED_REDUCED: MORE,
}
