"""Train the demo's diffusion pipelines on rendered scenes."""

from throng.sections.train_demo_diffusion import TrainDemoDiffusion
from throng.stage import main
from throng.stages import train_demo_diffusion

if __name__ == "__main__":
    main(train_demo_diffusion.run, TrainDemoDiffusion, globals().get("snakemake"))
