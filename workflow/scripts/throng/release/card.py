"""The dataset card: front matter that lets ``datasets`` load a release in one line, and what the run counted."""

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from typing import Any

import yaml

from throng.manifest import OK
from throng.ranking.kinds import (
    EDITED_EDITED,
    ENLARGED_REAL,
    ENLARGED_REDUCED,
    REAL_EDITED,
    REAL_REDUCED,
    SHAM_EDITED,
    SHAM_EQUAL,
)
from throng.release.annotations import PlainTable
from throng.release.backends import backends_used
from throng.release.corpus import Corpus
from throng.release.index import Totals
from throng.release.ledger import Line
from throng.release.products import PRODUCTS
from throng.release.shards import Written
from throng.sections.release import Release
from throng.tables.gan_samples import GanSampleRow

# The hub's spelling of licences it knows; any other is "other" with a name.
HUB_LICENCES = ("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0")
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
MEANING = {
    "ranked_pairs": "two images and their `relation`: `image_more` shows `delta` people that `image_fewer` lacks",
    "fixed_count": "images made to show a requested number of people: what was asked, what is there, how sure that is",
    "density_labelled": "images with how crowded they are: class, score, and people per square metre where known",
    "requested_density": "images that a trained generator drew for a requested density: what was asked, and of whom",
}


def card_text(
    config: Release,
    corpus: Corpus,
    *,
    totals: Sequence[Totals],
    ledger: Sequence[Line],
    tables: Sequence[PlainTable],
    files: Sequence[Written],
    shared: Sequence[str],
) -> str:
    """Return the text of ``README.md``: Hugging Face front matter, then sections in Markdown."""
    samples = sum(total.samples for total in totals)
    sections = [
        f"---\n{yaml.safe_dump(_front_matter(config, samples, files), sort_keys=False)}---",
        f"# {config.name} {config.version}",
        _opening(totals),
        "## What is in it",
        _contents(totals),
        _kinds(corpus, totals),
        _withheld(tables),
        "## Load it",
        _examples(totals, files),
        "## Columns",
        *_columns(totals),
        "## How it was made",
        _accounts(ledger),
        _rejected_edits(corpus),
        _makers(corpus),
        "## Licences",
        _licences(config, corpus),
        _generators(corpus),
        "## Known limits",
        _limits(corpus, totals, shared),
        "## Check it",
        "Every file is listed in `index.json` (sha256, bytes, rows) and in `SHA256SUMS`. `sha256sum -c SHA256SUMS` "
        "checks the bytes; `throng verify FOLDER` reads every row, decodes every image and checks every label.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(config: Release, samples: int, files: Sequence[Written]) -> dict[str, Any]:
    spelled = config.licence.lower()
    licence = {"license": spelled} if spelled in HUB_LICENCES else {"license": "other", "license_name": config.licence}
    size = next((name for limit, name in SIZES if samples < limit), "n>1M")
    return {
        "pretty_name": config.name,
        "version": config.version,
        **licence,
        "size_categories": [size],
        "task_categories": ["other"],
        "tags": ["crowd-counting", "synthetic", "image", "parquet", "webdataset"],
        "configs": _configs(files),
    }


def _configs(files: Sequence[Written]) -> list[dict[str, Any]]:
    """List every Parquet configuration with its files by split, products first, the first one the default."""
    found: dict[str, dict[str, list[str]]] = {}
    for file in files:
        if file.format == "parquet":
            found.setdefault(file.config, {}).setdefault(file.split, []).append(file.path)
    configs = []
    for config, splits in found.items():
        data = [{"split": split, "path": _pattern(paths)} for split, paths in splits.items()]
        default = {} if configs else {"default": True}
        configs.append({"config_name": config, **default, "data_files": data})
    return configs


def _pattern(paths: Sequence[str]) -> str:
    """Return one pattern for the shards of a split: ``.../train-00000-of-00002.parquet`` becomes ``.../train-*``."""
    return paths[0] if len(paths) == 1 else f"{paths[0].rpartition('-00000-of-')[0]}-*.parquet"


def _opening(totals: Sequence[Totals]) -> str:
    shown = sum(sum(total.pixels.values()) for total in totals)
    recipes = sum(sum(total.recipes.values()) for total in totals)
    text = "Crowd-counting data made by throng from photographs: every row says what it was made from and by what."
    if recipes and not shown:
        return (
            f"{text}\n\n**This release holds recipes only, no pixels.** The terms of its sources forbid passing their "
            f"pixels on, edited ones and what was learnt from them included, so all {recipes} samples are given as "
            f"ids, hashes, removed people, prompts, labels and seeds: whoever has the sources can make the same pixels."
        )
    if recipes:
        return (
            f"{text}\n\n**{recipes} of {shown + recipes} samples are recipes without pixels**, because they show "
            f"photographs whose terms forbid passing them on, edited ones included, or were learnt from such."
        )
    return text


def _contents(totals: Sequence[Totals]) -> str:
    rows = []
    for total in totals:
        for config, counts in ((total.product, total.pixels), (f"{total.product}_recipes", total.recipes)):
            if counts:
                cells = [counts.get(split, 0) for split in ("train", "val", "test")]
                meaning = MEANING[total.product] if counts is total.pixels else "the same without pixels"
                rows.append([f"`{config}`", meaning, *cells, sum(counts.values())])
    return _table(["configuration", "one row is", "train", "val", "test", "all"], rows)


def _kinds(corpus: Corpus, totals: Sequence[Totals]) -> str:
    """Count the pairs of each kind, those that are recipes included."""
    if "ranked_pairs" not in {total.product for total in totals}:
        return ""
    counts = Counter((row.kind, row.relation, row.split) for row in corpus.ranked_pairs)
    rows = []
    for kind, relation in sorted({(kind, relation) for kind, relation, _ in counts}):
        cells = [counts[kind, relation, split] for split in ("train", "val", "test")]
        rows.append([f"`{kind}`", relation, *cells, sum(cells)])
    text = (
        "`more`: `image_more` shows more people; `at-least`: as many or more; `equal`: as many, and which of the two "
        "is called `image_more` was drawn by hash. Where `more_crop` or `fewer_crop` is not null, that window of the "
        "image is meant, not the whole of it."
    )
    return f"{text}\n\n{_table(['kind of pair', 'relation', 'train', 'val', 'test', 'all'], rows)}" if rows else ""


def _rejected_edits(corpus: Corpus) -> str:
    """Count kept and rejected edits by recipe and reason."""
    counts = Counter(
        (row.recipe, "kept" if row.status == OK else row.reason.partition(":")[0]) for row in corpus.removals
    )
    rows = [[recipe, outcome, number] for (recipe, outcome), number in sorted(counts.items())]
    return f"Edits by recipe and what came of them:\n\n{_table(['recipe', 'outcome', 'edits'], rows)}" if rows else ""


def _withheld(tables: Sequence[PlainTable]) -> str:
    rows = [[f"`{table.name}`", len(table.rows), table.withheld] for table in tables]
    text = (
        "The tables of the run, without pixels, are configurations of their own with the one split `rows`; rejected "
        "rows stay in them with their reason. Annotations of sources that forbid redistribution are withheld: "
        "blanked in `images`, their rows left out of the other tables."
    )
    return f"{text}\n\n{_table(['table', 'rows', 'withheld'], rows)}"


def _examples(totals: Sequence[Totals], files: Sequence[Written]) -> str:
    loads = [
        f'data = load_dataset(FOLDER, "{config}")'
        for total in totals
        for config, counts in ((total.product, total.pixels), (f"{total.product}_recipes", total.recipes))
        if counts
    ]
    code = ["from datasets import load_dataset", *loads]
    tars = [file for file in files if file.format == "webdataset"]
    if tars:
        last = tars[0].path.rpartition("-of-")[2]
        first = tars[0].path.replace("-00000-of-", f"-{{00000..{int(last.removesuffix('.tar')) - 1:05d}}}-of-")
        code += [
            "",
            "import webdataset",
            f'stream = webdataset.WebDataset(FOLDER + "/{first}", shardshuffle=False).decode("pil")',
        ]
    plain = next(file for file in files if file.format == "parquet")
    code += ["", "import pandas", f'frame = pandas.read_parquet(FOLDER + "/{plain.path}")']
    note = (
        "\n\nIn the tar shards a member's extension names the field (`more`, `fewer` or none) and `jpg` or `png`; "
        "it is `png` only where all of the product's files are, and decoders go by content."
        if tars
        else ""
    )
    return "```python\n" + "\n".join(code) + "\n```" + note


def _columns(totals: Sequence[Totals]) -> list[str]:
    sections = []
    for total in totals:
        if not total.samples:
            continue
        product = PRODUCTS[total.product]
        images = [[f"`{name}`", "image", "file bytes and file name; not in recipes"] for name in product.images]
        fields = [
            [f"`{field.name}`", str(field.type), (field.metadata or {})[b"description"].decode()]
            for field in product.fields
        ]
        sections.append(f"### {total.product}\n\n{_table(['column', 'type', 'meaning'], [*images, *fields])}")
    return sections


def _accounts(ledger: Sequence[Line]) -> str:
    rows = []
    for line in ledger:
        reasons = ", ".join(f"{reason}: {number}" for reason, number in line.rejected.items())
        rows.append(
            [
                line.stage,
                f"{line.units_in} {line.unit}",
                line.units_out,
                line.kept,
                sum(line.rejected.values()),
                reasons,
            ]
        )
    header = ["stage", "in", "accounted for", "rows kept", "rows rejected", "by reason"]
    return f"{_table(header, rows)}\n\nRows in are rows kept or rejected with a reason at every stage."


def _makers(corpus: Corpus) -> str:
    models = {
        (name, footer["backend"] or ""): footer["model"]
        for name, footers in corpus.footers.items()
        for footer in footers
    }
    rows = []
    for table, counts in backends_used(corpus).items():
        for backend, number in counts.items():
            model = models.get((table, backend)) or {}
            spelled = ", ".join(f"{key} {value}" for key, value in sorted(model.items()))
            rows.append([f"`{table}`", backend, number, spelled or "none"])
    seeds = sorted({footer["seed"] for footers in corpus.footers.values() for footer in footers})
    text = (
        f"Dataset seed {', '.join(map(str, seeds))}. The configuration and code digest of every stage are in "
        f"`index.json` under `made_by`, this release's own under `provenance`."
    )
    return f"{_table(['table', 'backend', 'rows kept', 'model'], rows)}\n\n{text}"


def _licences(config: Release, corpus: Corpus) -> str:
    counts = Counter(
        (row.source, row.licence, "yes" if row.redistributable else "no") for row in corpus.images if row.status == OK
    )
    rows = [[*key, number] for key, number in sorted(counts.items())]
    return (
        f"The release as a collection is under {config.licence}; the column `licence` has the terms of every row, "
        f"which go before.\n\n{_table(['source', 'licence', 'pixels may be passed on', 'images'], rows)}"
    )


def _generators(corpus: Corpus) -> str:
    """Count the drawn images by generator, label and terms."""
    counts = Counter(
        (row.gan, row.run, row.generator[:16], row.label_name, row.licence, _leave(row)) for row in corpus.drawn
    )
    rows = [[*key, number] for key, number in sorted(counts.items())]
    header = ["generator", "run", "sha256", "label", "licence", "pixels may be passed on", "images"]
    text = (
        "A generator's images are under the strictest terms of the photographs that it learnt from, unless somebody "
        "is named who allowed more. Generator, label, seed and truncation make an image again: `throng gan images`."
    )
    return f"{text}\n\n{_table(header, rows)}" if rows else ""


def _leave(row: GanSampleRow) -> str:
    if row.permission:
        return f"yes, by {row.permission}"
    return "yes" if row.redistributable else "no"


def _limits(corpus: Corpus, totals: Sequence[Totals], shared: Sequence[str]) -> str:
    products = {total.product for total in totals if total.samples}
    limits = []
    if "ranked_pairs" in products:
        limits += _limits_of_pairs({row.kind for row in corpus.ranked_pairs})
    if "fixed_count" in products:
        limits.append(
            "`count` is exact where `count_exact` says so. Elsewhere it is calibrated from the request and from what a "
            "detector or a counter sees: read it with `count_std`, and weight by `weight`."
        )
    if "requested_density" in products:
        limits += [
            "A drawn image's label is what was asked for, not what is there: how far a generator delivers is measured "
            "by stage `evaluate_gan`.",
            f"The {len(corpus.drawn)} drawn images are for training alone. They show no photograph's scene, so the "
            f"check of scenes does not reach them; whether a generator repeats photographs is measured, not excluded.",
        ]
    if any(row.backend == "composite" for row in corpus.synthetic):
        limits.append(
            "Composites paste real cut-outs onto emptied backgrounds: light and shadow of a person need not match."
        )
    if shared:
        limits.append(
            f"{len(shared)} scenes are in a source's training and test split alike, as it was published (listed in "
            f"`index.json` under `shared_scenes`): errors on that test split are smaller than on unseen places."
        )
    limits.append(
        "Scenes are otherwise kept within one split; near-duplicates under different scene names are not searched for."
    )
    return "\n".join(f"- {limit}" for limit in limits)


def _limits_of_pairs(kinds: Set[str]) -> list[str]:
    limits = []
    if REAL_EDITED in kinds:
        limits.append(
            "In a `real-edited` pair the edited image is always the one with fewer people, and it was encoded by "
            "another program: a ranker can win by recognising the editor. Use pairs of two edits and equal pairs too."
        )
    if kinds & {REAL_EDITED, EDITED_EDITED, SHAM_EDITED}:
        limits.append(
            "`delta` counts people that were found and removed; people whom the detector missed are in both images."
        )
    if SHAM_EQUAL in kinds:
        limits.append(
            "A sham edit paints where the detector found nobody: somebody whom it missed may be under the paint."
        )
    if kinds & {REAL_REDUCED, ENLARGED_REAL, ENLARGED_REDUCED}:
        limits.append("The order of re-rendered images is what the model was asked for, not what was counted.")
    return limits


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
