"""Make one chunk of images with a requested number of people."""

from throng.sections.synthesize import Synthesize
from throng.stage import main
from throng.stages import synthesize

if __name__ == "__main__":
    main(synthesize.run, Synthesize, globals().get("snakemake"))
