"""Fetch one pinned model file; the only script that uses the network."""

from throng.sections.fetch_models import FetchModels
from throng.stage import main
from throng.stages import fetch_models

if __name__ == "__main__":
    main(fetch_models.run, FetchModels, globals().get("snakemake"))
