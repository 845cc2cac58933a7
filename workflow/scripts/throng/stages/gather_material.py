"""Stage ``gather_material``: what one maker's composites are made of, gathered once for all of its jobs."""

from throng.images import ImageStore
from throng.manifest import read_rows
from throng.sections.synthesize import Gathering
from throng.stage import Context, Files
from throng.synthesizers.gathered import write_gathered
from throng.synthesizers.gathering import gather
from throng.synthesizers.material import training_material
from throng.tables import detections, images, removals
from throng.tables.detections import DetectionRow
from throng.tables.images import ImageRow
from throng.tables.removals import RemovalRow


def run(inputs: Files, outputs: Files, config: Gathering, context: Context) -> None:
    """Write the cut-outs and the places without people that a maker's images are composed of."""
    material = training_material(
        read_rows(inputs.one("images"), images.TABLE, ImageRow),
        read_rows(inputs.many("detections"), detections.TABLE, DetectionRow),
        read_rows(inputs.many("removals"), removals.TABLE, RemovalRow),
        ImageStore(context.roots),
        config.sources,
    )
    work = context.workdir()
    gathered = gather(material, config, work, context.threads)
    write_gathered(gathered, outputs.one("material"), outputs.one("pixels"))
    work.remove()
