"""Section ``evaluate_gan``: whether a generator's images are good, its own, and as crowded as was asked."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from throng.sections.base import Section, named_apart, runtime, setting
from throng.sections.detectors import MODULES, Ultralytics

NAME = "what it is called on the page and in metrics.json"


class Features(Section):
    """A frozen network whose features are compared."""

    name: str = setting("random", NAME, min_length=1)
    kind: Literal["random", "encoder", "inception", "torchscript", "dinov2"] = setting(
        "random",
        "random: built in, never trained, comparable with nothing published; encoder: a file of pretrain_rank, "
        "pretrain_count or fit_counts; inception: the FID Inception weights of 2015; torchscript: a TorchScript file; "
        "dinov2: a folder of transformers",
    )
    path: str | None = runtime(
        None,
        "its weights: absolute, below data_root, or hub:<name> of fetch_models; null: kind random, which has none; "
        "their sha256 is recorded",
    )

    @model_validator(mode="after")
    def _weights(self) -> Self:
        if (self.kind == "random") != (self.path is None):
            wants = "draws its own weights: leave path out" if self.kind == "random" else "needs a path"
            raise ValueError(f"features {self.name!r} of kind {self.kind}: it {wants}")
        return self


class Neighbours(Section):
    """Precision and recall, and what the generator merely remembers."""

    k: int = setting(3, "neighbours that make a manifold's radii, for precision and recall", ge=1)
    shown: int = setting(8, "images, the most alike first, that are shown beside their nearest training images", ge=1)


class Path(Section):
    """Perceptual path length: how evenly images change along the generator's latents."""

    pairs: int = setting(256, "pairs of latents; papers use 50000", ge=2)


class Equivariance(Section):
    """How exactly images follow a translation, and a rotation, of the generator's input; StyleGAN3 alone."""

    images: int = setting(64, "images that are moved; papers use 50000", ge=1)
    rotation: bool = setting(True, "whether rotations are measured too")


class Leaks(Section):
    """Whether the augmentations that the discriminator saw through show in what the generator draws."""

    photographs: int = setting(
        512,
        "training images, the first by hash; half of them teach a network to tell the transforms, half try it",
        ge=64,
    )
    images: int = setting(512, "generated images that it looks at", ge=64)
    steps: int = setting(500, "steps of its training, of 64 images each: about a minute of a core at 64 x 64", ge=1)


class Trained(Section):
    """A small network that learns from the generator's own real images, part of which it never sees."""

    kind: Literal["trained"] = setting("trained", "learnt here, from real images alone")
    name: str = setting("trained", NAME, min_length=1)
    target: Literal["people", "label"] = setting(
        "people",
        "people: the number of people where the training images have one, else, and then it is said, the label; label: "
        "the class or the score itself",
    )
    steps: int = setting(1000, "steps of its training", ge=1)
    batch_size: int = setting(32, "real images per step", ge=2)
    width: int = setting(16, "channels of its first layer; the others have up to 6 times as many", ge=1)
    learning_rate: float = setting(2e-3, "Adam's first rate, which falls to nothing", gt=0)


class Counting(Section):
    """A counter of train_counter."""

    kind: Literal["counter"] = setting("counter", "a counter that an earlier stage trained")
    name: str = setting(..., NAME, min_length=1)
    weights: str = runtime(
        ...,
        "trained:<name in train_counter>, whose first run counts, or counter.safetensors, absolute or below data_root; "
        "its sha256 is recorded",
    )
    enlarge: float = setting(
        4.0, "images are enlarged by this: people as large as those that the counter has learnt", gt=0, le=32
    )
    scheme: Literal["whole", "patches"] = setting(
        "whole", "whole image, or 3x3 overlapping half-size patches, the nearest centre owning a pixel"
    )


class Detecting(Section):
    """A detector that finds people one by one."""

    kind: Literal["detector"] = setting("detector", "who a detector finds")
    name: str = setting(..., NAME, min_length=1)
    detector: Ultralytics = setting(Ultralytics(), "the detector and how it looks")
    enlarge: float = setting(4.0, "images are enlarged by this before it looks", gt=0, le=32)


Judge = Annotated[Trained | Counting | Detecting, Field(discriminator="kind")]


class Conditioning(Section):
    """Whether the requested density is delivered."""

    judges: Annotated[list[Judge], AfterValidator(named_apart)] = setting(
        [Trained()], "who counts; an overlay's list replaces this one whole", min_length=1
    )
    held_out: float = setting(
        0.25, "share of the real images, chosen by hash, that no judge learns from: they tell its ceiling", gt=0, lt=1
    )
    most_reals: int = setting(
        8000, "most real images, the first by hash, that judges learn from and are tried on", ge=2
    )
    seeds: int = setting(256, "scenes; each is drawn under every label, from the same random numbers", ge=2)
    levels: int = setting(7, "scores that are asked for where labels are scores: quantiles of the real ones", ge=2)
    target: float = setting(0.6, "rank correlation, and share of right classes, that count as obeying", gt=0, le=1)
    scenes: int = setting(64, "scenes, the first, of which it is measured how much stays when the label is swept", ge=2)
    changed: float = setting(
        0.25, "share of a picture's pixels, those that change most, that may be people who come and go", ge=0, lt=1
    )


class EvaluateGan(Section):
    """Measures every generator of train_gan against its training images, and the density that it delivers."""

    images: int = setting(1000, "images that are drawn for the distances; papers use 50000", ge=2)
    most_reals: int | None = setting(
        None, "most training images, the first by hash, that they are held against; null: all", ge=2
    )
    truncation: float = setting(1.0, "psi that all images are drawn with; below 1 nearer to the mean image", ge=0, le=1)
    features: Annotated[list[Features], AfterValidator(named_apart)] = setting(
        [Features()],
        "networks whose features are compared, the first also for neighbours, path length and scenes; an overlay's "
        "list replaces this one whole",
        min_length=1,
    )
    neighbours: Neighbours = setting(Neighbours(), "precision, recall and memorisation")
    path_length: Path | None = setting(None, "perceptual path length; null: not measured")
    equivariance: Equivariance | None = setting(None, "EQ-T and EQ-R of a StyleGAN3; null: not measured")
    leaks: Leaks | None = setting(None, "augmentations that show in generated images; null: not measured")
    conditioning: Conditioning = setting(
        Conditioning(), "whether the requested density is delivered; a generator without labels is not asked"
    )
    bootstrap: int = setting(1000, "resamplings for the 95 % intervals of what judges counted", ge=100)
    resamples: int = setting(100, "resamplings for the 95 % intervals of distances, each of which is computed", ge=10)
    columns: int = setting(8, "scenes side by side on the sample sheet", ge=1, le=64)
    batch_size: int = setting(32, "images drawn at once; a setting, because rounding depends on it", ge=1)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")

    @model_validator(mode="after")
    def _devices(self) -> Self:
        for judge in self.conditioning.judges:
            if isinstance(judge, Detecting) and judge.detector.device.split(":")[0] != self.device.split(":")[0]:
                raise ValueError(
                    f"judge {judge.name!r} looks on device {judge.detector.device}, the stage runs on {self.device}: "
                    f"name one of them for both"
                )
        return self


FEATURES = {
    "random": "throng.gan.metrics.random_network",
    "encoder": "throng.gan.metrics.own_encoder",
    "inception": "throng.gan.metrics.inception",
    "torchscript": "throng.gan.metrics.torchscript",
    "dinov2": "throng.gan.metrics.dinov2",
}
# loaded by the name in a generator's file
NETWORKS = ("throng.gan.stylegan3", "throng.gan.r3gan")


def chosen_modules(section: EvaluateGan) -> tuple[str, ...]:
    """Return the modules of the chosen backends, the only ones whose edits rerun the stage."""
    looks = [MODULES[judge.detector.backend] for judge in section.conditioning.judges if isinstance(judge, Detecting)]
    return tuple(sorted({*looks, *NETWORKS, *(FEATURES[one.kind] for one in section.features)}))
