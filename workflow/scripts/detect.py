"""Find the people in one chunk of images."""

from throng.sections.detect import Detect
from throng.stage import main
from throng.stages import detect

if __name__ == "__main__":
    main(detect.run, Detect, globals().get("snakemake"))
