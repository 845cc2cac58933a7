"""Render crowd scenes with exact truth into genuine archives."""

from throng.sections.render import Render
from throng.stage import main
from throng.stages import render

if __name__ == "__main__":
    main(render.run, Render, globals().get("snakemake"))
