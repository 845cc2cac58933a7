"""Section ``probe``: what the layers of networks that learnt without labels know."""

from throng.sections.base import Section, runtime, setting


class Probe(Section):
    """Linear probes of frozen networks: classes, numbers of people, and how well their filters are told apart."""

    networks: list[str] = setting(
        ["pretext"],
        "networks of pretrain_count that are probed, beside untrained ones",
        min_length=1,
    )
    rankers: list[str] = setting([], "encoders of pretrain_rank whose features are probed for numbers of people too")
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...", pattern=r"^(cpu|cuda(:\d+)?)$")
