"""Draw images with a generator."""

from throng.sections.sample_gan import SampleGan
from throng.stage import main
from throng.stages import sample_gan

if __name__ == "__main__":
    main(sample_gan.run, SampleGan, globals().get("snakemake"))
