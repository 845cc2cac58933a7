"""Synthesised images made again, prompt by prompt, from the same material by the same makers."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from throng import synthesizers
from throng.release.rebuild.edits import DIFFERENT, FAULTS, retry
from throng.release.rebuild.pins import Pins, all_found, named, of_pipeline
from throng.release.rebuild.recipes import WITHDRAWN, Recipes
from throng.release.rebuild.surroundings import differences
from throng.sections.synthesize import MODULES, Composite, Maker
from throng.synthesizers.gathering import gather
from throng.synthesizers.protocol import Material, Synthesizer
from throng.synthesizers.rows import made_row, member
from throng.tables.prompts import PromptRow
from throng.workdir import Made, Workdir, process

COMPOSITE = Composite.model_fields["backend"].default


def remake_images(
    recipes: Recipes,
    wanted: Collection[str],
    material: Callable[[Composite], Material | str],
    models: Pins,
    work: Workdir,
    threads: int,
    device: str,
) -> dict[str, str]:
    """Make the ``wanted`` images as files ``<id>.jpg`` of ``work``.

    ``material`` gives what a maker's composites are made of, or why that is not what it was.

    Returns what is wrong with each that could not be made identical, as "short kind: detail".
    """
    faults = {name: f"{WITHDRAWN}: the release does not hold its row" for name in wanted if name not in recipes.made}
    by_maker: dict[str, list[str]] = {}
    for name in sorted(wanted - faults.keys()):
        by_maker.setdefault(recipes.made[name].maker, []).append(name)
    retry(work)
    for maker, names in sorted(by_maker.items()):
        footer = _footer(recipes, maker)
        gathered = Workdir(work.path / f"material-{maker}")
        loaded = _synthesizer(footer, material, models, gathered, threads, device)
        if isinstance(loaded, str):
            faults |= dict.fromkeys(names, loaded)
        else:
            faults |= _remade(recipes, names, *loaded, footer, work, threads)
    return faults


def composing(recipes: Recipes, wanted: Collection[str]) -> list[Composite]:
    """Return the makers of those of the ``wanted`` images that are made of photographs."""
    makers = {recipes.made[name].maker for name in wanted if name in recipes.made}
    sections = [_footer(recipes, maker)["config"]["synthesize"] for maker in sorted(makers)]
    return [Composite.model_validate(section) for section in sections if section["backend"] == COMPOSITE]


def _remade(
    recipes: Recipes,
    names: list[str],
    config: Maker,
    synthesizer: Synthesizer,
    footer: Mapping[str, Any],
    work: Workdir,
    threads: int,
) -> dict[str, str]:
    prompts: dict[str, PromptRow] = {row.id: row for row in recipes.tables["prompts"]}

    def make(name: str) -> Made:
        row = recipes.made[name]
        prompt = prompts.get(row.prompt_id)
        if prompt is None:
            return {FAULTS: {name: f"{WITHDRAWN}: the release does not hold prompt {row.prompt_id}"}}, {}
        (scene,) = synthesizer.synthesize([prompt])
        made, data = made_row(config, synthesizer, prompt, scene)
        if data is None:
            return {FAULTS: {name: f"otherwise: {made.reason}"}}, {}
        if hashlib.sha256(data).hexdigest() != row.sha256:
            why = differences(footer, (MODULES[config.backend],))
            return {FAULTS: {name: f"{DIFFERENT}: image {name} comes out otherwise ({why})"}}, {}
        return {FAULTS: {}}, {member(name): data}

    threads = threads if synthesizer.parallel else 1
    done = process(work, {name: name for name in names}, make, threads=threads, stage=f"rebuild: {config.name}")
    return {name: reason for group in done.values() for name, reason in group[FAULTS].items()}


def _footer(recipes: Recipes, maker: str) -> Mapping[str, Any]:
    return next(one for one in recipes.footers("synthetic") if one["config"]["synthesize"]["name"] == maker)


def _synthesizer(
    footer: Mapping[str, Any],
    material: Callable[[Composite], Material | str],
    models: Pins,
    work: Workdir,
    threads: int,
    device: str,
) -> tuple[Maker, Synthesizer] | str:
    files: dict[str, list[Path]] = {}
    if footer["model"] is not None:
        answer = all_found(models, of_pipeline(footer["model"]))
        if isinstance(answer, str):
            return answer
        files = answer
    config: Maker = TypeAdapter(Maker).validate_python(named(footer["config"]["synthesize"], files, device))
    if not isinstance(config, Composite):
        return config, synthesizers.load(config, None, files)
    given = material(config)
    if isinstance(given, str):
        return given
    return config, synthesizers.load(config, gather(given, config.gathering, work, threads), files)
