"""Measure a generator, and whether it delivers the density that it is asked for."""

from throng.sections.evaluate_gan import EvaluateGan
from throng.stage import main
from throng.stages import evaluate_gan

if __name__ == "__main__":
    main(evaluate_gan.run, EvaluateGan, globals().get("snakemake"))
