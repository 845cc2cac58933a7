"""Turn the sources into one table of images."""

from throng.sections.ingest import Ingest
from throng.stage import main
from throng.stages import ingest

if __name__ == "__main__":
    main(ingest.run, Ingest, globals().get("snakemake"))
