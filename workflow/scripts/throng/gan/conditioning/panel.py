"""The panel of judges that a section names.

Source: own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throng.bar import Bar
from throng.errors import ThrongError
from throng.gan.conditioning.asked import Asked
from throng.gan.conditioning.judges import Judge
from throng.gan.conditioning.real_images import Split, stacked
from throng.gan.conditioning.regressor import Lesson, train_regressor
from throng.gan.data import TrainingSet
from throng.seeds import sample_seed


class Panel:
    """Makes the judges of a training set's generators."""

    def __init__(
        self, images: TrainingSet, split: Split, asked: Asked, *, scratch: Path, seed: int, device: str
    ) -> None:
        """Take the real images, which of them may teach, and the only folder that a judge's library may write to."""
        self._images, self._split, self._asked = images, split, asked
        self._scratch, self._seed, self._device = scratch, seed, device

    def judge(self, section: Any, model: Path | None) -> Judge:
        """Return the judge that a section names; ``model`` is the file of one that an earlier stage made.

        Raises ThrongError when it cannot learn, or its model is missing or of another kind.
        """
        if section.kind == "trained":
            return self._trained(section)
        from throng.gan.conditioning.looking import CounterJudge, DetectorJudge

        name, enlarge = section.name, section.enlarge
        if section.kind == "detector":
            return DetectorJudge(section.detector, model, self._scratch / "library", name=name, enlarge=enlarge)
        if model is None:
            raise ThrongError(f"judge {name!r} has no counter among the job's inputs: run Snakemake again")
        return CounterJudge(model, name=name, enlarge=enlarge, scheme=section.scheme, device=self._device)

    def _trained(self, section: Any) -> Judge:
        counts, learn = self._images.counts, self._split.learn
        people = section.target == "people" and counts is not None
        targets = counts[learn] if people and counts is not None else self._asked.own[learn]
        lesson = Lesson(section.steps, section.batch_size, section.width, section.learning_rate)
        with Bar(f"judge {section.name}", "step", section.steps, 0) as bar:
            return train_regressor(
                stacked(self._images, learn),
                np.asarray(targets, np.float64),
                lesson,
                # torch takes signed 64-bit seeds
                seed=sample_seed(self._seed, "evaluate_gan", f"judge {section.name}") >> 1,
                device=self._device,
                name=section.name,
                unit="people" if people else "label",
                progress=lambda step, loss: bar.tick(step, f"loss {loss:.3f}"),
            )


def notes(sections: Sequence[Any], counts: np.ndarray | None) -> list[str]:
    """Return what has to be said of judges that could not be what was asked for."""
    if counts is not None:
        return []
    found = [
        f"Nobody knows how many people the training images show, so that judge {section.name} has learnt their labels "
        f"instead of numbers of people."
        for section in sections
        if section.kind == "trained" and section.target == "people"
    ]
    if any(section.kind != "trained" for section in sections):
        found.append(
            "Nobody knows how many people the training images show, so that counts can be ranked, and not be right or "
            "wrong about a class."
        )
    return found
