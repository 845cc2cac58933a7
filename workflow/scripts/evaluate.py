"""Measure counters on images that nothing was chosen by."""

from throng.sections.evaluate import Evaluate
from throng.stage import main
from throng.stages import evaluate

main(evaluate.run, Evaluate, globals().get("snakemake"))
