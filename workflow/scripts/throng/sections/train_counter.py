"""Section ``train_counter``: a counter trained on points."""

from typing import Literal

from throng.sections.base import Section, runtime, setting


class TrainCounter(Section):
    """Trains a counter: head points are the labels, density maps are made on the device while training."""

    model: Literal["sanet-paper", "sanet-author", "sanet-keras", "mcnn"] = setting("sanet-paper", "architecture")
    data: list[Literal["images", "synthetic"]] = setting(
        ["images", "synthetic"],
        "tables whose training rows are learnt from; validation always uses real images",
        min_length=1,
    )
    device: str = runtime("cpu", "torch device: cpu, cuda, cuda:0, ...")
