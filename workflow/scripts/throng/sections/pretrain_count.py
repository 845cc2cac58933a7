"""Section ``pretrain_count``: networks that learn to count without labels, from tiles and downsampled pictures."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from throng.sections.base import Section, named_apart, runtime, setting

Encoder = Literal["small", "resnet18", "resnet50", "vgg16", "convnext-tiny", "alexnet"]
Weight = Annotated[float, Field(ge=0)]


class Pictures(Section):
    """Which pictures are looked at, how often each in the mean; nobody's labels are."""

    images: Weight = setting(1.0, "photographs of the training split")
    synthetic: Weight = setting(0.0, "synthesised images")


class Pretext(Section):
    """One network that learns to count: its encoder, pictures, loss and schedule."""

    name: str = setting("pretext", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    encoder: Encoder = setting("small", "architecture (docs/encoders.md); small learns within minutes on a CPU")
    seeds: int = runtime(1, "how often it is trained, each time from other random numbers", ge=1, le=100)
    pictures: Pictures = setting(Pictures(), "what it looks at")
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")


class PretrainCount(Section):
    """Learning to Count (Noroozi et al., 2017): what the tiles of a picture hold adds up to what all of it holds."""

    networks: Annotated[list[Pretext], AfterValidator(named_apart)] = setting(
        [Pretext()], "the networks; an overlay's list replaces this one whole", min_length=1
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Pretext:
        """Return the network of one job, all that the job depends on."""
        (network,) = [network for network in self.networks if network.name == wildcards["network"]]
        return network
