"""Card sections on what a release holds: products, kinds of pairs, tables, what was left out, columns, examples."""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from throng.release.card_parts.groups import counted, kept
from throng.release.card_parts.markdown import table
from throng.release.facts import Facts
from throng.release.index import Totals
from throng.release.products import PRODUCTS

SPLITS = ("train", "val", "test")
MEANING = {
    "ranked_pairs": "two images and their `relation`: `image_more` shows `delta` people that `image_fewer` lacks",
    "fixed_count": "images made to show a requested number of people: what was asked, what is there, how sure that is",
    "density_labelled": "images with how crowded they are: class, score, and people per square metre where known",
    "requested_density": "images that a trained generator drew for a requested density: what was asked, and of whom",
}


def opening(facts: Facts) -> str:
    """Return the card's first paragraph, and whether pixels are in the release at all."""
    shown = sum(sum(total.pixels.values()) for total in facts.totals)
    recipes = sum(sum(total.recipes.values()) for total in facts.totals)
    text = (
        f"Crowd-counting data made by throng from {_origin(facts)}: every row says what it was made from, by what, and "
        f"under which terms."
    )
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


def _origin(facts: Facts) -> str:
    names = {source for (source,) in kept(facts.corpus, "images", "source")}
    rendered = set(facts.config.rendered)
    return (
        " and ".join(
            words for words, there in (("photographs", names - rendered), ("renderings", names & rendered)) if there
        )
        or "prompts"
    )


def configurations(total: Totals) -> Iterator[tuple[str, dict[str, int], str]]:
    """Yield (configuration, rows by split, what a row is) of a product, where it has rows."""
    if total.pixels:
        yield total.product, dict(total.pixels), MEANING[total.product]
    if total.recipes:
        meaning = "the same without pixels" if total.pixels else f"{MEANING[total.product]}; without pixels"
        yield PRODUCTS[total.product].recipes, dict(total.recipes), meaning


def contents(facts: Facts) -> str:
    """Return the table of products by split."""
    rows = []
    for total in facts.totals:
        for config, counts, meaning in configurations(total):
            rows.append([f"`{config}`", meaning, *_by_split(counts)])
    return table(["configuration", "one row is", *SPLITS, "all"], rows)


def _by_split(counts: dict[str, int]) -> list[int]:
    return [*(counts.get(split, 0) for split in SPLITS), sum(counts.values())]


def kinds(facts: Facts) -> str:
    """Count the pairs of each kind, recipes and what was left out included."""
    if "ranked_pairs" not in {total.product for total in facts.totals if total.samples}:
        return ""
    found: dict[tuple[str, str], Counter[str]] = {}
    for (kind, relation, split), number in counted(facts.corpus, "ranked_pairs", "kind", "relation", "split").items():
        found.setdefault((kind, relation), Counter())[split] += number
    rows = [[f"`{kind}`", relation, *_by_split(dict(counts))] for (kind, relation), counts in sorted(found.items())]
    text = (
        "`more`: `image_more` shows more people; `at-least`: as many or more; `equal`: as many, and which of the two "
        "is called `image_more` was drawn by hash. Where `more_crop` or `fewer_crop` is not null, that window of the "
        "image is meant, not the whole of it. Of all pairs that were kept, recipes and what was left out included:"
    )
    return f"{text}\n\n{table(['kind of pair', 'relation', *SPLITS, 'all'], rows)}"


def left_out(facts: Facts) -> str:
    """Return how many samples were left out, by product and reason; what was kept is released or among these."""
    rows = [
        [f"`{product}`", reason, number]
        for product, reasons in sorted(facts.left_out.items())
        for reason, number in sorted(reasons.items())
        if number
    ]
    if not rows:
        return ""
    text = (
        "Left out of the release, though the stage that made them kept them (kept by a stage = released + recipes + "
        "left out):"
    )
    return f"{text}\n\n{table(['product', 'reason', 'samples'], rows)}"


def tables(facts: Facts) -> str:
    """Return the plain tables with their rows, and how many rows lost their annotations or stayed behind."""
    rows = [[f"`{one.name}`", one.rows, one.withheld] for one in facts.tables]
    text = (
        "The tables of the run, without pixels, are configurations of their own with the one split `rows`; rejected "
        "rows stay in them with their reason. Annotations of sources that forbid redistribution are withheld: "
        "blanked in `images`, their rows left out of the other tables; so are the rows of withdrawn images."
    )
    return f"{text}\n\n{table(['table', 'rows', 'withheld'], rows)}"


def examples(facts: Facts) -> str:
    """Return code that loads what there is."""
    code = ["from datasets import load_dataset"]
    code += [f'data = load_dataset(FOLDER, "{name}")' for total in facts.totals for name, _, _ in configurations(total)]
    tars = [file for file in facts.files if file.format == "webdataset"]
    if tars:
        last = tars[0].path.rpartition("-of-")[2]
        first = tars[0].path.replace("-00000-of-", f"-{{00000..{int(last.removesuffix('.tar')) - 1:05d}}}-of-")
        code += [
            "",
            "import webdataset",
            f'stream = webdataset.WebDataset(FOLDER + "/{first}", shardshuffle=False).decode("pil")',
        ]
    plain = next(file for file in facts.files if file.format == "parquet")
    code += ["", "import pandas", f'frame = pandas.read_parquet(FOLDER + "/{plain.path}")']
    code += [
        "",
        "import mlcroissant",
        f'records = mlcroissant.Dataset(FOLDER + "/croissant.json").records("{plain.config}")',
    ]
    note = "\n\nRecipes become images with `throng rebuild FOLDER --source DIR`, DIR holding the sources' own files."
    note = note if any(total.recipes for total in facts.totals) else ""
    note += (
        "\n\nIn the tar shards a member's extension names the field (`more`, `fewer` or none) and `jpg` or `png`; "
        "it is `png` only where all of the product's files are, and decoders go by content."
        if tars
        else ""
    )
    return "```python\n" + "\n".join(code) + "\n```" + note


def columns(facts: Facts) -> list[str]:
    """Return a table of columns for every product that has samples."""
    sections = []
    for total in facts.totals:
        if not total.samples:
            continue
        product = PRODUCTS[total.product]
        images = [[f"`{name}`", "image", "file bytes and file name; not in recipes"] for name in product.images]
        fields = [
            [f"`{field.name}`", spelled(field.type), (field.metadata or {})[b"description"].decode()]
            for field in product.fields
        ]
        sections.append(f"### {total.product}\n\n{table(['column', 'type', 'meaning'], [*images, *fields])}")
    return sections


def spelled(kind: pa.DataType) -> str:
    """Return a column's type in words."""
    if pa.types.is_list(kind):
        return f"list of {spelled(kind.value_type)}"
    if pa.types.is_struct(kind):
        return f"({', '.join(f'{field.name}: {spelled(field.type)}' for field in kind)})"
    return str(kind)
