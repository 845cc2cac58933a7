"""Table ``gan_samples``: images drawn by generators, one row per generator, label, random numbers and truncation."""

import dataclasses

import pyarrow as pa

from throng.manifest import Table, column


@dataclasses.dataclass(frozen=True, slots=True)
class GanSampleRow:
    """One image drawn by a generator; see SCHEMA."""

    id: str
    sampler: str
    generator: str
    gan: str
    run: str
    label_kind: str
    label: list[float]
    label_name: str
    seed_index: int
    seed: int
    truncation: float
    path: str
    sha256: str
    width: int
    height: int
    split: str
    scene: str
    learnt_from: list[str]
    licence: str
    redistributable: bool
    permission: str
    backend: str
    config_hash: str
    status: str
    reason: str


SCHEMA = pa.schema(
    [
        column("id", pa.string(), "hash of generator, label, seed and truncation"),
        column("sampler", pa.string(), "name of the sampler in section sample_gan"),
        column("generator", pa.string(), "sha256 of the generator's file, hex"),
        column("gan", pa.string(), "name of the generator in section train_gan"),
        column("run", pa.string(), "which of its trainings: seed-1, seed-2, ..."),
        column("label_kind", pa.string(), "what was asked for: class, score, vector, or none"),
        column(
            "label",
            pa.list_(pa.float64()),
            "requested label: the class's number, the score, or the vector's elements; empty where none is asked for",
        ),
        column("label_name", pa.string(), "the class's name, or the label as text; empty where none is asked for"),
        column("seed_index", pa.int32(), "which of the images of its label, from 0"),
        column("seed", pa.uint64(), "the image's own seed: draws its latents"),
        column("truncation", pa.float64(), "psi: 1 draws as trained, less keeps closer to the mean image"),
        column("path", pa.string(), "path below the results folder, through the chunk's .zip; empty when rejected"),
        column("sha256", pa.string(), "sha256 of the image's file, hex; empty when rejected"),
        column("width", pa.int32(), "width, pixels; 0 when rejected"),
        column("height", pa.int32(), "height, pixels; 0 when rejected"),
        column("split", pa.string(), "train: what a generator draws is never measured on"),
        column("scene", pa.string(), "images of one generator and one seed, which the label alone tells apart"),
        column(
            "learnt_from",
            pa.list_(pa.string()),
            "splits that the generator's training images were of, as far as its file says",
        ),
        column("licence", pa.string(), "terms of the image: the training images', or those of who allowed more"),
        column(
            "redistributable", pa.bool_(), "whether the training images' terms, or who is named, allow passing it on"
        ),
        column("permission", pa.string(), "who allowed passing it on though a training image's terms do not, or empty"),
        column("backend", pa.string(), "the generator's architecture"),
        column("config_hash", pa.string(), "hash of the configuration that the generator was trained with"),
        column("status", pa.string(), "ok or rejected"),
        column("reason", pa.string(), "why a row was rejected, empty otherwise"),
    ]
)

TABLE = Table("gan_samples", 1, SCHEMA, key=("id",), stage="sample_gan")
