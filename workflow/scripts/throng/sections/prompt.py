"""Section ``prompt``: the images to ask for."""

import string
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from throng.sections.base import Section, runtime, setting

Value = TypeVar("Value", int, str)
Wording = Literal["figures", "words"]
NONE = "none"
FILE = "file"
COUNT_FIGURES = ("count", "count_figures")
SAYS_COUNT = ("people", "count_words", *COUNT_FIGURES)
PLACEHOLDERS = (*SAYS_COUNT, "viewpoint", "conditions")
MOST_PROMPTS = 1_000_000


def placeholders(text: str) -> frozenset[str]:
    """Return the names between braces of a template's text; raises ValueError naming what is no placeholder."""
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}; write {{{{ and }}}} for braces that are meant") from error
    named = [_spelled(name, form, conversion) for _, name, form, conversion in fields if name is not None]
    for name in named:
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            raise ValueError(f"{text!r}: unknown placeholder {{{name}}}; known are {known}")
    return frozenset(named)


def _spelled(name: str, form: str | None, conversion: str | None) -> str:
    return name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")


def _unique(values: list[Value]) -> list[Value]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"named twice: {twice}")
    return values


def _said(texts: list[str]) -> list[str]:
    if any(not text.strip() for text in texts):
        raise ValueError("an empty text says nothing; leave it out")
    return _unique(texts)


Count = Annotated[int, Field(ge=0, le=100_000)]
Counts = Annotated[list[Count], AfterValidator(_unique)]
Texts = Annotated[list[str], AfterValidator(_said)]
Wordings = Annotated[list[Wording], AfterValidator(_unique), Field(min_length=1)]


class Template(Section):
    """One scene; a key that is null takes the section's value."""

    name: str = setting(..., "what it is called in tables: small letters, digits, -", pattern=r"^[a-z0-9][a-z0-9-]*$")
    text: str = setting(
        ...,
        "the prompt; placeholders: {people} (the count in each of the wordings), {count} (12), {count_figures} "
        "(12 people), {count_words} (twelve people), {viewpoint}, {conditions}",
    )
    negative: str | None = setting(None, "what a prompted model is kept from drawing; null: the section's")
    counts: Counts | None = setting(
        None, "requested counts; [0] makes a text about an empty place; null: the section's", min_length=1
    )
    density: Literal["none", "sparse", "dense"] | None = setting(
        None, "a density is asked for instead of a count, and the text says no number; null: a count"
    )
    people: tuple[Count, Count] | None = setting(
        None, "fewest and most people that meet the density; null: a count, or density none, which is nobody"
    )
    viewpoints: Texts | None = setting(None, "texts for {viewpoint}; null: the section's", min_length=1)
    conditions: Texts | None = setting(None, "texts for {conditions}; null: the section's", min_length=1)
    wordings: Wordings | None = setting(None, "how {people} says the count; null: the section's")
    repeats: int | None = setting(None, "images per text; null: the section's", ge=1, le=10_000)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        named = placeholders(self.text)
        if self.name == FILE:
            raise ValueError(f"a template cannot be called {FILE!r}: that is what rows of your own table are called")
        if not self.text.strip():
            raise ValueError(f"template {self.name!r} has no text")
        if self.density is None:
            _check_count(self, named)
        else:
            _check_density(self, named)
        return self


def _check_count(template: Template, named: frozenset[str]) -> None:
    if template.people is not None:
        raise ValueError(f"template {template.name!r}: people is a density's range; set density, or remove it")
    if not named & set(SAYS_COUNT) and template.counts != [0]:
        raise ValueError(
            f"template {template.name!r} never says how many people: it needs {{people}} or another placeholder of the "
            f"count, counts: [0] for an empty place, or a density"
        )


def _check_density(template: Template, named: frozenset[str]) -> None:
    says = sorted(named & set(SAYS_COUNT))
    if says:
        raise ValueError(f"template {template.name!r} asks for a density, so it cannot say {{{says[0]}}}")
    if template.counts is not None:
        raise ValueError(f"template {template.name!r} asks for a density, so it has no counts; remove them")
    fewest, most = template.people or (0, 0)
    if template.density == NONE and most > 0:
        raise ValueError(f"template {template.name!r}: density none is nobody; remove people")
    if template.density != NONE and not 1 <= fewest <= most:
        raise ValueError(
            f"template {template.name!r}: density {template.density} needs people: [fewest, most], from 1 and rising"
        )


STREET, SQUARE = "on a city street, {viewpoint}, {conditions}", "on a public square, {viewpoint}, {conditions}"
TEMPLATES = [
    Template(name="street", text="a photograph of {people} " + STREET),
    Template(name="square", text="a photograph of {people} " + SQUARE),
    Template(name="empty-street", text="a photograph of an empty place " + STREET, counts=[0]),
    Template(name="empty-square", text="a photograph of an empty place " + SQUARE, counts=[0]),
    Template(name="nobody", text="a photograph of a deserted place, {viewpoint}, {conditions}", density="none"),
    Template(
        name="sparse", text="a photograph of a few people, {viewpoint}, {conditions}", density="sparse", people=(1, 30)
    ),
    Template(
        name="dense",
        text="a photograph of a dense crowd, {viewpoint}, {conditions}",
        density="dense",
        people=(100, 1000),
    ),
]


class Prompt(Section):
    """A deterministic table of counts x templates x viewpoints x conditions x wordings x repeats."""

    counts: Counts = setting([0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000], "requested numbers of people", min_length=1)
    templates: list[Template] = setting(
        TEMPLATES, "the scenes; an overlay's list replaces this one whole; [] with a table of your own alone"
    )
    viewpoints: Texts = setting(
        ["seen from above head height", "seen from a high window", "at eye level"],
        "texts for {viewpoint}; a template that does not name it is asked for once",
    )
    conditions: Texts = setting(
        ["in bright sunshine", "on an overcast day", "at dusk in the rain"],
        "time and weather: texts for {conditions}; a template that does not name them is asked for once",
    )
    wordings: Wordings = setting(["figures", "words"], "how {people} says the count: 12 people, twelve people")
    negative: str = setting(
        "drawing, painting, cartoon, text, watermark, blurred, deformed",
        "what a prompted model is kept from drawing, where a template says nothing else",
    )
    negative_empty: str = setting(
        "people, person, crowd, pedestrian, human",
        "as well, where nobody is asked for: models draw whom the text denies",
    )
    repeats: int = setting(1, "images per text, each with its own seed", ge=1, le=10_000)
    repeats_of: dict[Count, Annotated[int, Field(ge=1, le=10_000)]] = setting(
        {}, "images per text of one count, where other than repeats, e.g. {0: 8, 1: 4}"
    )
    own: str | None = runtime(
        None,
        "your own prompts, a .csv or .parquet, below data_root unless absolute; they join the templates'; its contents "
        "are an input",
    )
    val_fraction: float = setting(
        0.0,
        "share of the templates' prompts held out for validation; composite, whose material is training photographs, "
        "makes no image for those",
        ge=0,
        lt=1,
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [template.name for template in self.templates]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"templates named twice: {', '.join(twice)}")
        if not names and self.own is None:
            raise ValueError("no templates and no table of your own: nothing is asked for")
        for template in self.templates:
            _check_texts(self, template)
        asked = {count for template in self.templates for count in counts_of(self, template)}
        unasked = sorted(self.repeats_of.keys() - asked)
        if unasked:
            raise ValueError(f"repeats_of names counts that no template asks for: {', '.join(map(str, unasked))}")
        total = sum(size_of(self, template) for template in self.templates)
        if total > MOST_PROMPTS:
            raise ValueError(
                f"the templates ask for {total:,} images, more than {MOST_PROMPTS:,}: every count is multiplied by "
                f"viewpoints, conditions, wordings and repeats; shorten one of these lists"
            )
        return self


def _check_texts(section: Prompt, template: Template) -> None:
    for name in ("viewpoint", "conditions"):
        key = "viewpoints" if name == "viewpoint" else name
        if name in placeholders(template.text):
            if not (getattr(template, key) or getattr(section, key)):
                raise ValueError(f"template {template.name!r} names {{{name}}}, but there are no {key}")
        elif getattr(template, key) is not None:
            raise ValueError(f"template {template.name!r} has {key} but its text never names {{{name}}}")
    if template.wordings is not None and "people" not in placeholders(template.text):
        raise ValueError(f"template {template.name!r} has wordings but its text never names {{people}}")


def counts_of(section: Prompt, template: Template) -> list[int]:
    """Return the counts that a template asks for, none where it asks for a density."""
    if template.density is not None:
        return []
    return section.counts if template.counts is None else template.counts


def texts_of(section: Prompt, template: Template) -> tuple[list[str], list[str], list[str]]:
    """Return a template's viewpoints, conditions and wordings, [""] for what its text does not name."""
    named = placeholders(template.text)
    wordings: list[str] = [""]
    if "people" in named:
        wordings = list(template.wordings or section.wordings)
    elif named & set(SAYS_COUNT):
        wordings = ["figures" if named & set(COUNT_FIGURES) else "words"]
    return (
        (template.viewpoints or section.viewpoints) if "viewpoint" in named else [""],
        (template.conditions or section.conditions) if "conditions" in named else [""],
        wordings,
    )


def repeats_for(section: Prompt, template: Template, count: int | None) -> int:
    """Return the images per text: the template's own number, else the count's, else the section's."""
    if template.repeats is not None:
        return template.repeats
    return section.repeats if count is None else section.repeats_of.get(count, section.repeats)


def size_of(section: Prompt, template: Template) -> int:
    """Return how many images a template asks for."""
    viewpoints, conditions, wordings = texts_of(section, template)
    repeats = sum(repeats_for(section, template, count) for count in counts_of(section, template) or [None])
    return len(viewpoints) * len(conditions) * len(wordings) * repeats
