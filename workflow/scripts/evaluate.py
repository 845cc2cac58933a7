"""Measure counters on images that nothing was chosen by."""

from throng.sections.evaluate import Evaluate
from throng.stage import main
from throng.stages import evaluate

if __name__ == "__main__":
    main(evaluate.run, Evaluate, globals().get("snakemake"))
