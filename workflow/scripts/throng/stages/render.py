"""Stage ``render``: archives of rendered crowd scenes, for the readers of the real datasets to read."""

import logging

from throng.render.archives import write_archives
from throng.sections.render import Render
from throng.stage import Context, Files

log = logging.getLogger(__name__)


def run(inputs: Files, outputs: Files, config: Render, context: Context) -> None:
    """Write the archives below the folder of ``truth``; the bytes follow from the section and the seed alone."""
    folder = outputs.one("truth").parent
    write_archives(
        folder,
        seed=context.seed,
        crowdhuman=config.crowdhuman,
        shanghaitech=config.shanghaitech,
        width=config.width,
        height=config.height,
        min_people=config.min_people,
        max_people=config.max_people,
        frames_per_scene=config.frames_per_scene,
        crowd_of=config.crowd_of,
        workers=context.threads,
    )
    log.info("rendered %d CrowdHuman and %d ShanghaiTech images", config.crowdhuman, config.shanghaitech)
