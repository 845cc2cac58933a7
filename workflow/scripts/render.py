"""Render crowd scenes with exact truth into genuine archives."""

from throng.sections.render import Render
from throng.stage import main
from throng.stages import render

main(render.run, Render, globals().get("snakemake"))
