"""Section ``train_gan``: generators of crowds that heed a density, each trained once per seed."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from throng.sections.base import Section, check_device, named_apart, runtime, setting
from throng.sections.convert_dataset import power_of_two


class Converted(Section):
    """The dataset that convert_dataset makes."""

    kind: Literal["converted"] = setting("converted", "what convert_dataset made")


class Archive(Section):
    """A dataset of one's own in StyleGAN's layout: squares and dataset.json, in a folder or a zip."""

    kind: Literal["archive"] = setting(..., "a folder or zip in StyleGAN's layout")
    path: str = setting(..., "the folder or zip; relative: below data_root")
    licence: str = setting(..., "licence of its images, SPDX id or the source's own words")
    redistributable: bool = setting(..., "whether the terms allow passing on what is drawn after them")


class Labelled(Section):
    """What label_density labelled, cut and resized in memory."""

    kind: Literal["labelled"] = setting(..., "photographs and synthesised images, straight from label_density")
    tables: list[Literal["images", "synthetic"]] = setting(
        ["images", "synthetic"], "images: photographs; synthetic: what the makers made", min_length=1
    )
    splits: list[Literal["train", "val", "test"]] = setting(["train"], "splits that are taken", min_length=1)
    labeller: str | None = setting(
        None, "method and mode of the labeller, such as kde fixed; null: the one that label_density chose"
    )


Data = Annotated[Converted | Archive | Labelled, Field(discriminator="kind")]


class Unconditional(Section):
    """No label is heeded."""

    kind: Literal["none"] = setting(..., "no label is heeded")


RAMP_IN = (
    "[from, to] in kimg: codes are all alike until the first and the images' own from the second on, against collapse; "
    "null: their own at once"
)
RampIn = Annotated[list[float], Field(min_length=2, max_length=2)] | None


class Classes(Section):
    """Density classes."""

    kind: Literal["ordinal", "one-hot"] = setting(
        "ordinal", "how a class is told: ordinal, as a thermometer, for classes in order; one-hot, for any"
    )
    ramp_in: RampIn = setting(None, RAMP_IN)


class Scores(Section):
    """Continuous scores of density, as waves of doubling frequency."""

    kind: Literal["fourier"] = setting(..., "a score, as sines and cosines of its place among all scores")
    octaves: int = setting(4, "waves, each of twice the frequency of the one before", ge=1, le=12)
    steps: int = setting(16, "quantiles that spread the scores evenly; 1: scores keep their proportions", ge=1, le=256)
    ramp_in: RampIn = setting(None, RAMP_IN)


class Vectors(Section):
    """Vectors of a dataset.json, as they are."""

    kind: Literal["vector"] = setting(..., "the vectors of dataset.json, as they are")
    ramp_in: RampIn = setting(None, RAMP_IN)


Conditioning = Annotated[Unconditional | Classes | Scores | Vectors, Field(discriminator="kind")]


class Adaptive(Section):
    """The probability that keeps the discriminator from overfitting (Karras et al., 2020)."""

    kind: Literal["adaptive"] = setting("adaptive", "p follows how sure the discriminator is of photographs")
    target: float = setting(0.6, "mean sign of its logits of photographs that p holds", ge=-1, le=1)
    kimg: float = setting(500.0, "kimg in which p may go from 0 to 1; 100 suits a start", gt=0)
    bound: float = setting(0.8, "highest p, beyond 0.8 augmentations leak", gt=0, le=0.8)


class Fixed(Section):
    """One probability."""

    kind: Literal["fixed"] = setting(..., "p stays")
    p: float = setting(0.2, "probability of every transform", ge=0, le=0.8)


class Rising(Section):
    """A probability that rises with the images seen."""

    kind: Literal["ramp"] = setting(..., "p rises linearly")
    start: float = setting(0.0, "p at first", ge=0, le=0.8)
    end: float = setting(0.3, "p at last", ge=0, le=0.8)
    kimg: float = setting(20.0, "kimg that it takes", gt=0)


Strength = Annotated[Adaptive | Fixed | Rising, Field(discriminator="kind")]


class Augment(Section):
    """Augmentations of all that the discriminator sees."""

    strength: Strength = setting(Adaptive(), "the probability p of each transform")
    set: Literal["upright", "full", "none"] = setting(
        "upright", "transforms: upright, without quarter turns and of small rotations; full, the paper's; none"
    )
    multipliers: dict[str, float] = setting({}, "transform: by how much p is multiplied for it, 0 leaves it out")
    strengths: dict[str, float] = setting({}, "transform: how strong it is, in its own unit")


class Vicinity(Section):
    """Photographs of nearby scores stand in for a score (CcGAN, Ding et al., 2021)."""

    kind: Literal["hard", "soft"] = setting("hard", "whether nearby scores count alike, or the less the farther")
    sigma: float | None = setting(None, "deviation of the noise on scores, their unit; null: by rule of thumb", ge=0)
    kappa: float | None = setting(None, "how near is near, the scores' unit; null: by rule of thumb", gt=0)


class StyleGan3(Section):
    """StyleGAN3's networks against StyleGAN2's discriminator, non-saturating loss, lazy R1 (Karras et al., 2021)."""

    kind: Literal["stylegan3-t", "stylegan3-r"] = setting(
        "stylegan3-t", "equivariant to translation (t), or also to rotation (r)"
    )
    cbase: int = setting(1024, "channels times resolution of the generator; r doubles them", ge=64, le=131072)
    cmax: int = setting(32, "most channels of a layer of the generator; r doubles them", ge=4, le=4096)
    layers: int = setting(6, "layers before the one that makes colours; 14 in the paper", ge=3, le=32)
    critical: int = setting(2, "how many of them, the last ones, are critically sampled", ge=1, le=8)
    margin: int = setting(
        4, "samples that signals reach beyond the image; 10 in the paper, fewer are faster", ge=0, le=32
    )
    z_dim: int = setting(64, "numbers of a latent; 512 in the paper", ge=2, le=4096)
    w_dim: int = setting(64, "numbers of a style; 512 in the paper", ge=2, le=4096)
    mapping_layers: int = setting(2, "layers from latent to style", ge=1, le=16)
    filtered_lrelu: Literal["polyphase", "triton"] = setting(
        "polyphase", "how filtered leaky ReLUs are computed: polyphase anywhere, triton fused on a GPU"
    )
    discriminator_cbase: int = setting(2048, "channels times resolution of the discriminator", ge=64, le=131072)
    discriminator_cmax: int = setting(64, "most channels of a layer of the discriminator", ge=4, le=4096)
    label_layers: int = setting(
        2, "layers from a label to its direction in the discriminator; 8 in the paper", ge=1, le=16
    )
    generator_rate: float = setting(0.0025, "Adam's learning rate of the generator", gt=0)
    discriminator_rate: float = setting(0.002, "Adam's learning rate of the discriminator", gt=0)
    gamma: float | None = setting(
        None, "weight of R1; null: 2 at 256 x 256 and batch 32, in proportion to pixels / batch", gt=0
    )
    penalty_every: int = setting(16, "steps from one R1 to the next, which counts for all of them", ge=1, le=64)
    mismatched: float = setting(
        0.0, "weight of photographs under wrong labels as further fakes, for generators that ignore labels", ge=0, le=10
    )
    average_kimg: float | None = setting(
        None, "half-life of the generator's average, kimg; null: 10 at batch 32, in proportion", gt=0
    )
    blur_kimg: float | None = setting(
        None,
        "kimg in which the discriminator's blur fades; null: r 200 at batch 32, in proportion; t 0",
        ge=0,
    )
    augment: Augment = setting(Augment(), "augmentations")
    vicinity: Vicinity | None = setting(None, "vicinal losses of scores; null: none")


class Ramp(Section):
    """A number that goes from one value to another."""

    start: float = setting(..., "value at first", gt=0)
    end: float = setting(..., "value at last", gt=0)


class R3Gan(Section):
    """R3GAN: residual networks, relativistic pairs, R1 and R2 at every step (Huang et al., 2024)."""

    kind: Literal["r3gan"] = setting(..., "relativistic pairs and plain residual networks")
    cbase: int = setting(1024, "channels times resolution of both networks; 24576 in the paper", ge=64, le=131072)
    cmax: int = setting(64, "most channels of a stage; 768 in the paper", ge=8, le=4096)
    group_channels: int = setting(8, "channels of a stage for each group of its convolutions", ge=1, le=512)
    blocks: int = setting(1, "residual blocks of a stage; 2 in the paper", ge=1, le=8)
    expansion: int = setting(2, "channels inside a residual block, times a stage's", ge=1, le=8)
    z_dim: int = setting(64, "numbers of a latent", ge=2, le=4096)
    label_dim: int = setting(32, "numbers of a label's embedding", ge=1, le=4096)
    rate: Ramp = setting(Ramp(start=2e-4, end=5e-5), "Adam's learning rate of both networks")
    gamma: Ramp = setting(Ramp(start=2.0, end=0.2), "weight of R1 and of R2")
    beta2: Ramp = setting(Ramp(start=0.9, end=0.99), "Adam's second momentum")
    average_kimg: float | None = setting(
        None, "half-life that the generator's average rises to, kimg; null: 10 at batch 32, in proportion", gt=0
    )
    ramp_kimg: float | None = setting(None, "kimg in which these go from start to end; null: all of the run", gt=0)
    augment: Augment = setting(Augment(strength=Rising(kind="ramp")), "augmentations")
    vicinity: Vicinity | None = setting(None, "vicinal losses of scores; null: none")


TRAINED = "trained:"
Recipe = Annotated[StyleGan3 | R3Gan, Field(discriminator="kind")]


class Gan(Section):
    """One generator: its data, networks, conditioning, losses, augmentation and schedule."""

    name: str = setting("crowds", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    data: Data = setting(Converted(), "the images and their labels")
    resolution: Annotated[int, AfterValidator(power_of_two)] = setting(64, "width and height of an image, pixels", ge=8)
    conditioning: Conditioning = setting(Classes(), "what of the label is heeded, and how it is told")
    recipe: Recipe = setting(StyleGan3(), "networks, losses and augmentation")
    start: str | None = setting(
        None,
        "generator to start from: trained:<name of another one here>, throng:<shipped folder>, or a path; null: none",
    )
    kimg: float = setting(30.0, "thousand photographs that the discriminator is shown", gt=0)
    batch: int = setting(16, "images of a step", ge=1, le=4096)
    at_once: int | None = setting(None, "images that a process works on at once; null: the batch", ge=1)
    mirror: bool = setting(True, "whether mirrored images double the training set; false where a label has a side")
    balance: float = setting(
        0.0, "0: images are shown equally often; 1: classes, or tenths of the scores' range, are", ge=0, le=1
    )
    fake_labels: Literal["drawn", "even"] = setting(
        "drawn", "labels of generated images: drawn as those of photographs are, or all classes equally often"
    )
    fresh_fakes: bool = setting(
        True, "whether the discriminator learns on images of its own; false: the generator's, a quarter faster"
    )
    tick_kimg: float = setting(1.0, "kimg from one line of the log to the next", gt=0)
    snapshot_kimg: int = setting(10, "kimg from one snapshot to the next; 0: none", ge=0)
    measure_kimg: float = setting(0.0, "kimg from one Frechet distance of random features to the next; 0: none", ge=0)
    measure_images: int = setting(256, "images of each kind that it is measured on", ge=16)
    seeds: int = runtime(1, "how often it is trained, each time from other random numbers", ge=1, le=100)
    precision: Literal["fp32", "bf16", "fp16"] = setting(
        "fp32", "arithmetic of the four highest resolutions; fp16 needs a GPU"
    )
    nodes: int = runtime(1, "nodes of one Slurm job that share a step, each with so many processes", ge=1, le=64)
    processes: int = runtime(1, "processes that share a step, one per GPU; its images are the same", ge=1, le=64)
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")
    cache_gigabytes: float = runtime(2.0, "memory for decoded images, 2^30 bytes", ge=0)
    checkpoint_seconds: float = runtime(120.0, "seconds from one checkpoint to the next", ge=0)

    @model_validator(mode="after")
    def _arithmetic(self) -> Self:
        check_device(self.device, self.precision, self.nodes * self.processes)
        return self

    @model_validator(mode="after")
    def _shares(self) -> Self:
        at_once = self.at_once or self.batch
        if self.batch % at_once:
            raise ValueError(f"at_once: a batch of {self.batch} is no whole number of pieces of {at_once}")
        world = self.nodes * self.processes
        if (self.batch // at_once) % world:
            raise ValueError(
                f"processes: {self.batch // at_once} pieces of {at_once} images cannot be shared by {world} "
                f"processes alike; set at_once to {max(1, self.batch // world)} or less"
            )
        return self

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.recipe.vicinity is not None and self.conditioning.kind != "fourier":
            raise ValueError("recipe.vicinity: only scores have a vicinity; use conditioning fourier, or leave it out")
        return self


class TrainGan(Section):
    """Density-conditioned generators: same scene, chosen crowd (Karras et al., 2021)."""

    gans: Annotated[list[Gan], AfterValidator(named_apart)] = setting(
        [Gan()], "the generators; an overlay's list replaces this one whole", min_length=1
    )

    @model_validator(mode="after")
    def _starts(self) -> Self:
        started = {gan.name: gan.start for gan in self.gans if gan.start and gan.start.startswith(TRAINED)}
        before = {name: start.removeprefix(TRAINED) for name, start in started.items()}
        for name in before:
            way = [name]
            while (start := before.get(way[-1])) is not None:
                if start in way:
                    raise ValueError(f"start: {' starts from '.join([*way, start])}, so none of them can be first")
                way.append(start)
        return self

    def of_job(self, wildcards: Mapping[str, str]) -> Gan:
        """Return the generator of one job, all that the job depends on."""
        (gan,) = [gan for gan in self.gans if gan.name == wildcards["gan"]]
        return gan


def chosen_modules(gan: Gan) -> tuple[str, ...]:
    """Return the modules that a generator's names choose."""
    networks = "r3gan" if gan.recipe.kind == "r3gan" else "stylegan3"
    measured = ("throng.gan.metrics.random_network",) if gan.measure_kimg else ()
    return (f"throng.gan.{networks}", *measured)
