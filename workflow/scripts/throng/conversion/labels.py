"""What a dataset says of an image: a class, a one-hot vector, or scores."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Form = Literal["class", "one-hot", "score", "none"]
Written = int | list[float]
CLASSIFYING: tuple[Form, ...] = ("class", "one-hot")


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of one image: its class, 0 the emptiest, with its name, and its scores."""

    density_class: int | None = None
    class_name: str = ""
    scores: tuple[float, ...] = ()

    def written(self, form: Form, classes: int) -> Written | None:
        """Return the label as dataset.json has it; None where this form is not known of the image."""
        if form == "score":
            return list(self.scores) or None
        if self.density_class is None or form == "none":
            return None
        if form == "class":
            return self.density_class
        return [float(index == self.density_class) for index in range(classes)]


UNLABELLED = Label()


def dataset_json(labels: Mapping[str, Written] | None, classes: Sequence[str]) -> bytes:
    """Return dataset.json: labels by name, sorted, null without any; class names, which other loaders ignore."""
    content: dict[str, object] = {
        "labels": None if labels is None else [[name, labels[name]] for name in sorted(labels)]
    }
    if classes:
        content["classes"] = list(classes)
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()
