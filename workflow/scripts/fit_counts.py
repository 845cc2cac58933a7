"""Fit numbers of people to an encoder's features."""

from throng.sections.fit_counts import FitCounts
from throng.stage import main
from throng.stages import fit_counts

if __name__ == "__main__":
    main(fit_counts.run, FitCounts, globals().get("snakemake"))
