"""Label how crowded every image is."""

from throng.sections.label_density import LabelDensity
from throng.stage import main
from throng.stages import label_density

if __name__ == "__main__":
    main(label_density.run, LabelDensity, globals().get("snakemake"))
