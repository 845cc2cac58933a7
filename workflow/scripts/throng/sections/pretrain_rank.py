"""Section ``pretrain_rank``: encoders that learn which of two pictures shows more people."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator

from throng.sections.base import Section, named_apart, runtime, setting

Encoder = Literal["small", "resnet18", "resnet50", "vgg16", "convnext-tiny", "alexnet"]


class Ranker(Section):
    """One encoder that learns to rank: architecture, pairs, losses and schedule."""

    name: str = setting("synthetic", "what it is called in tables and folders", pattern=r"^[a-z0-9][a-z0-9-]*$")
    encoder: Encoder = setting("small", "architecture (docs/encoders.md); small learns within minutes on a CPU")
    seeds: int = runtime(1, "how often it is trained, each time from other random numbers", ge=1, le=100)
    start: str | None = setting(
        None, "network of pretrain_count that it starts from, its run of the same seed; null: from weights, or scratch"
    )
    weights: str | None = setting(
        None,
        "ImageNet weights of the architecture: a state dict (.safetensors or .pth), absolute, below data_root, or "
        "hub:<name> of fetch_models; null: from scratch",
    )
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")


class PretrainRank(Section):
    """SYRAC's rank pre-training: of the two pictures of a pair, the one with more people gets the higher score."""

    encoders: Annotated[list[Ranker], AfterValidator(named_apart)] = setting(
        [Ranker()], "the encoders; an overlay's list replaces this one whole", min_length=1
    )

    def of_job(self, wildcards: Mapping[str, str]) -> Ranker:
        """Return the encoder of one job, all that the job depends on."""
        (encoder,) = [encoder for encoder in self.encoders if encoder.name == wildcards["ranker"]]
        return encoder
