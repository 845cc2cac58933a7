"""Gather what the composites of one maker are made of."""

from throng.sections.gather_material import GatherMaterial
from throng.stage import main
from throng.stages import gather_material

if __name__ == "__main__":
    main(gather_material.run, GatherMaterial, globals().get("snakemake"))
