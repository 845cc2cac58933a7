"""Measure every counter that has seen no label."""

from throng.sections.ladder import Ladder
from throng.stage import main
from throng.stages import ladder

if __name__ == "__main__":
    main(ladder.run, Ladder, globals().get("snakemake"))
