"""Stage ``probe``: what frozen networks know, layer by layer and as counts, beside the same networks untrained."""

import json
import logging
from typing import TYPE_CHECKING, Any

from throng.errors import ThrongError
from throng.files import write_bytes, write_text
from throng.images import ImageStore
from throng.sections.probe import Probe
from throng.seeds import sample_seed
from throng.stage import Context, Files

if TYPE_CHECKING:
    import numpy as np

    from throng.probing.measuring import Probed
    from throng.probing.people import CountedPictures

log = logging.getLogger(__name__)
Record = dict[str, Any]


def run(inputs: Files, outputs: Files, config: Probe, context: Context) -> None:
    """Probe every network and ranker, and their random inits; write what was found and two figures of it."""
    import torch

    from throng.probing.classes import class_pictures
    from throng.probing.heads import HeadOptions
    from throng.probing.measuring import Material, probe
    from throng.probing.style_leak import leak_pictures
    from throng.probing.subjects import NETWORK, RANKER, controls, read_subject

    torch.set_num_threads(context.threads)
    learnt = [read_subject(path, NETWORK) for path in inputs.many("networks")]
    learnt += [read_subject(path, RANKER) for path in inputs.many("rankers")]
    store, classes = ImageStore(context.roots), config.classes
    people, left_out = counted_sets(inputs, config, context, store)
    shown = Material(
        class_pictures(
            context.seed,
            pictures=classes.pictures,
            validation=classes.validation,
            side=classes.side,
            crop=classes.crop,
            views=classes.views,
        ),
        people,
        leak_pictures(inputs.one("images"), store, config.people.size, config.leak.pictures),
        config.leak.filters,
    )
    options = HeadOptions(classes.epochs, classes.batch_size, classes.learning_rate, classes.last_rate, classes.power)
    found: list[Probed] = []
    for subject in [*learnt, *controls(learnt, context.seed)]:
        log.info("probing %s", subject.label)
        seed = sample_seed(context.seed, "probe", subject.run) >> 1
        found.append(probe(subject, shown, options, seed=seed, device=config.device))
    write(found, people, left_out, outputs, config)


def counted_sets(
    inputs: Files, config: Probe, context: Context, store: ImageStore
) -> tuple[list[tuple["CountedPictures", list["np.ndarray"]]], list[str]]:
    """Return the sets of pictures with known counts, each with its pixels, and why there is no other.

    Raises ThrongError when there is none at all.
    """
    from throng.probing.people import photographs, seen_at, synthesised

    said = config.people
    asked = [
        photographs(inputs.one("images"), most=said.most, fewest=said.fewest),
        synthesised(inputs.many("synthetic"), most=said.most, fewest=said.fewest, folds=said.folds, seed=context.seed),
    ]
    left_out = [one for one in asked if isinstance(one, str)]
    if len(left_out) == len(asked):
        raise ThrongError(f"nothing to probe numbers of people on: {'; '.join(left_out)} (probe.people.fewest)")
    for reason in left_out:
        log.warning("left out of the count probe: %s", reason)
    return [(one, seen_at(one, store, said.size)) for one in asked if not isinstance(one, str)], left_out


def write(
    found: list["Probed"],
    people: list[tuple["CountedPictures", list["np.ndarray"]]],
    left_out: list[str],
    outputs: Files,
    config: Probe,
) -> None:
    """Write the figures of all subjects and the plots of them."""
    from throng.probing.classes import chance
    from throng.probing.plots import leak_plot, probe_plot
    from throng.probing.shapes import KINDS
    from throng.probing.summary import verdicts

    rows: dict[str, list[Record]] = {
        "layers": [row for one in found for row in one.layers()],
        "people": [row for one in found for row in one.people],
        "leak": [row for one in found for row in one.leak],
        "verdicts": verdicts(found),
        "networks": [one.facts() for one in found],
    }
    for one in rows["verdicts"]:
        log.info("%s", one["sentence"])
    shown = {
        "kinds": list(KINDS),
        "chance": chance(),
        "validation_pictures": config.classes.validation,
        "people": [pictures.figures() for pictures, _ in people],
        "left_out": left_out,
    }
    record = {**rows, "shown": shown}
    write_text(outputs.one("probe"), json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n")
    write_bytes(outputs.one("figure"), probe_plot(rows["layers"], rows["people"], chance()))
    write_bytes(outputs.one("leak"), leak_plot(rows["leak"], config.leak.filters))
