"""Write the page to look at."""

from throng.sections.report import Report
from throng.stage import main
from throng.stages import report

if __name__ == "__main__":
    main(report.run, Report, globals().get("snakemake"))
