"""Write labelled images as squares for training GANs."""

from throng.sections.convert_dataset import ConvertDataset
from throng.stage import main
from throng.stages import convert_dataset

if __name__ == "__main__":
    main(convert_dataset.run, ConvertDataset, globals().get("snakemake"))
