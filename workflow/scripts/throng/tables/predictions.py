"""Table ``predictions``: what every run of every counter says of every evaluated image, beside the truth."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class PredictionRow:
    """One run's count of one image, and how far its density map is from the true one; see SCHEMA."""

    counter: str
    run: str
    id: str
    source: str
    split: str
    count: int
    predicted: float
    low: float | None
    high: float | None
    game1: float
    game2: float
    game3: float
    dm_distance: float
    psnr: float | None
    ssim: float | None


GAME = "people: sum over {} equal regions of |predicted - true|; |predicted - count| is GAME(0)"

SCHEMA = pa.schema(
    [
        column("counter", pa.string(), "name of the counter"),
        column("run", pa.string(), "which of its trainings: seed-1, seed-2, ...; published for published weights"),
        column("id", pa.string(), "id of the image in table images"),
        column("source", pa.string(), "source of the image"),
        column("split", pa.string(), "train, val or test"),
        column("count", pa.int32(), "annotated people (number of points)"),
        column("predicted", pa.float64(), "predicted people (sum of the density map)"),
        column("low", pa.float64(), "fewest people by the run's own interval; null when it has none", nullable=True),
        column("high", pa.float64(), "most people by the run's own interval; null when it has none", nullable=True),
        column("game1", pa.float64(), GAME.format(4)),
        column("game2", pa.float64(), GAME.format(16)),
        column("game3", pa.float64(), GAME.format(64)),
        column(
            "dm_distance",
            pa.float64(),
            "5e7 times the mean squared difference of predicted and true map; it depends on the maps' stride and scale "
            "and on sigma: compare only rows that have the same three",
        ),
        column("psnr", pa.float64(), "PSNR of the map, dB; null when it equals the true one", nullable=True),
        column("ssim", pa.float64(), "SSIM of the map; null when it has fewer than 11x11 cells", nullable=True),
    ]
)

TABLE = Table("predictions", 2, SCHEMA, key=("counter", "run", "id"), stage="evaluate")
