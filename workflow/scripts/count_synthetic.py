"""Count synthesised images with a detector and a counter, and describe what they look like."""

from throng.sections.count_synthetic import CountSynthetic
from throng.stage import main
from throng.stages import count_synthetic

if __name__ == "__main__":
    main(count_synthetic.run, CountSynthetic, globals().get("snakemake"))
