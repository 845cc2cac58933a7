"""Section ``synthesize`` as stage ``gather_material`` sees it."""

from collections.abc import Mapping

from throng.sections.base import Section, setting
from throng.sections.synthesize import MAKERS, Composite, Gathering, Maker


class GatherMaterial(Section):
    """What the composites of each maker are made of."""

    makers: list[Maker] = setting(MAKERS, "the makers", min_length=1)

    def of_job(self, wildcards: Mapping[str, str]) -> Gathering:
        """Return the part of a maker that the job depends on; raises ValueError for one that needs no photographs."""
        (maker,) = [maker for maker in self.makers if maker.name == wildcards["maker"]]
        if not isinstance(maker, Composite):
            raise ValueError(f"maker {maker.name!r} is made of no photographs")
        return maker.gathering
