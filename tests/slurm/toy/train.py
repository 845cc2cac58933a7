"""Train a network of one layer with the loop of every trainer, a tenth of a second a step."""

import sys
import time
from pathlib import Path

snakemake = globals()["snakemake"]
sys.path.insert(0, snakemake.config["scripts"])

import torch  # noqa: E402

from throng.sections.base import Section, setting  # noqa: E402
from throng.stage import main  # noqa: E402
from throng.training.loop import train  # noqa: E402
from throng.training.options import LoopOptions  # noqa: E402


class Train(Section):
    steps: int = setting(150)
    seconds: float = setting(0.1)


def run(inputs, outputs, config, context):
    torch.manual_seed(context.seed)
    network = torch.nn.Linear(8, 1)

    def batch_at(number):
        time.sleep(config.seconds)
        with Path("batches.txt").open("a") as made:
            made.write(f"{number}\n")
        return {"x": torch.randn(16, 8, generator=torch.Generator().manual_seed(number))}

    def loss_of(model, batch):
        return (model(batch["x"]) - batch["x"].sum(1, keepdim=True)).square().mean(), {}

    work = context.workdir()
    train(network, batch_at, loss_of, LoopOptions(config.steps, log_every=5), work.path)
    output = outputs.one("weights")
    output.write_bytes(b"".join(value.numpy().tobytes() for value in network.state_dict().values()))
    work.remove()


main(run, Train, snakemake)
