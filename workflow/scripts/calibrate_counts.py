"""Calibrate the counts of synthesised images: filters, count-noise model, weights, page."""

from throng.sections.calibrate_counts import CalibrateCounts
from throng.stage import main
from throng.stages import calibrate_counts

if __name__ == "__main__":
    main(calibrate_counts.run, CalibrateCounts, globals().get("snakemake"))
