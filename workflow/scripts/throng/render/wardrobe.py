"""Colours of skin, hair and clothing."""

import numpy as np

SKINS = np.array(
    [[236, 200, 176], [224, 180, 150], [206, 158, 124], [186, 136, 100], [150, 104, 74], [112, 76, 54], [84, 58, 44]],
    float,
)
HAIRS = np.array(
    [
        [30, 26, 24],
        [44, 34, 28],
        [70, 50, 36],
        [98, 70, 46],
        [150, 116, 72],
        [196, 164, 112],
        [128, 124, 120],
        [190, 186, 182],
    ],
    float,
)
CLOTHS = np.array(
    [[36, 36, 40], [56, 58, 64], [98, 100, 104], [150, 150, 152], [226, 224, 220], [38, 48, 82], [66, 92, 140],
     [140, 168, 200], [168, 44, 44], [120, 34, 46], [196, 112, 60], [222, 186, 92], [78, 96, 62], [46, 88, 70],
     [190, 168, 138], [138, 108, 82], [206, 150, 160], [120, 84, 132], [70, 140, 150]], float,
)  # fmt: skip
CLOTH_SHARES = np.array([16, 10, 9, 7, 14, 10, 8, 6, 6, 3, 3, 3, 4, 3, 6, 4, 3, 2, 3], float)
LEGS = np.array(
    [[34, 34, 38], [52, 54, 60], [44, 54, 84], [62, 80, 116], [96, 116, 150], [108, 106, 104], [160, 144, 118],
     [84, 70, 58], [204, 200, 192], [70, 76, 60]], float,
)  # fmt: skip
LEG_SHARES = np.array([22, 10, 16, 14, 9, 8, 8, 5, 4, 4], float)
SHOES = np.array([[30, 28, 28], [58, 46, 38], [216, 214, 210], [96, 92, 90], [120, 84, 56]], float)
BRONZE = np.tile(np.array([[92.0, 96.0, 82.0]]), (6, 1))


def draw_colours(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return (count, 6, 3) float64 colours 0-255 of skin, hair, top, bottom, shoes and bag, hat or pattern."""
    cloths, legs = CLOTH_SHARES / CLOTH_SHARES.sum(), LEG_SHARES / LEG_SHARES.sum()
    colours = np.stack(
        [
            SKINS[rng.integers(len(SKINS), size=count)],
            HAIRS[rng.choice(len(HAIRS), count, p=(0.3, 0.22, 0.16, 0.1, 0.07, 0.05, 0.06, 0.04))],
            CLOTHS[rng.choice(len(CLOTHS), count, p=cloths)],
            LEGS[rng.choice(len(LEGS), count, p=legs)],
            SHOES[rng.integers(len(SHOES), size=count)],
            CLOTHS[rng.choice(len(CLOTHS), count, p=cloths)],
        ],
        axis=1,
    )
    return np.clip(colours * rng.uniform(0.86, 1.14, (count, 6, 1)) + rng.normal(0, 5, (count, 6, 3)), 8, 245)
