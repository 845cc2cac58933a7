"""The whole configuration: the single source of defaults, of config.yaml, of its JSON schema and of its messages.

``python -m throng.config`` writes config.yaml and the schema; ``--check`` fails when they are out of step.
"""

import argparse
import difflib
import json
import reprlib
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError, model_validator
from pydantic.fields import FieldInfo

from throng.errors import ThrongError
from throng.files import write_text
from throng.label_free import check as check_label_free
from throng.sections import detectors
from throng.sections.audit_density import AuditDensity
from throng.sections.audit_leakage import AuditLeakage
from throng.sections.audit_pairs import AuditPairs
from throng.sections.base import Section, runtime, setting
from throng.sections.calibrate_counts import CalibrateCounts
from throng.sections.convert_dataset import ConvertDataset
from throng.sections.count_synthetic import CountSynthetic
from throng.sections.detect import Detect, Ultralytics
from throng.sections.evaluate import Evaluate
from throng.sections.evaluate_gan import EvaluateGan
from throng.sections.fetch_models import FetchModels
from throng.sections.fit_counts import FitCounts
from throng.sections.ingest import Ingest
from throng.sections.label_density import LabelDensity
from throng.sections.ladder import Ladder
from throng.sections.pipelines import FromLayout
from throng.sections.pretrain_count import PretrainCount
from throng.sections.pretrain_rank import PretrainRank
from throng.sections.probe import Probe
from throng.sections.prompt import Prompt, Template
from throng.sections.rank_pairs import RankPairs
from throng.sections.release import Release
from throng.sections.remove import Check, OpenCV, Remove
from throng.sections.render import Render
from throng.sections.report import Report
from throng.sections.sample_gan import SampleGan
from throng.sections.synthesize import Composite, Diffusers, Rendered, Synthesize
from throng.sections.train_counter import TrainCounter
from throng.sections.train_demo_diffusion import TrainDemoDiffusion
from throng.sections.train_detector import TrainDetector
from throng.sections.train_gan import TrainGan

TAGS = ("name", "backend", "format", "kind")
ROOT = Path(__file__).parents[3]
CONFIG_FILE = ROOT / "config.yaml"
SCHEMA_FILE = ROOT / "workflow" / "schemas" / "config.schema.json"
DEMO_SOURCES: list[dict[str, Any]] = [
    {
        "name": "rendered_crowdhuman",
        "format": "crowdhuman",
        "root": "resources/rendered/crowdhuman",
        "licence": "CC0-1.0",
        "redistributable": True,
        "official": False,
    },
    {
        "name": "rendered_shanghaitech",
        "format": "shanghaitech",
        "root": "resources/rendered/shanghaitech.zip",
        "part": "B",
        "licence": "CC0-1.0",
        "redistributable": True,
        "official": False,
    },
]
DEMO_PROMPT = Prompt(
    counts=[0, 1, 2, 5, 10, 20, 50],
    templates=[
        Template(name="street", text="a photograph of {people} on a city street, {viewpoint}, {conditions}"),
        Template(name="square", text="a photograph of {people} on a public square, {viewpoint}, {conditions}"),
        Template(name="empty", text="a photograph of an empty place, {viewpoint}, {conditions}", counts=[0]),
        Template(
            name="sparse",
            text="a photograph of a few people, {viewpoint}, {conditions}",
            density="sparse",
            people=(1, 9),
        ),
    ],
    viewpoints=["seen from above head height"],
    conditions=["daylight"],
    wordings=["words"],
    repeats=3,
)
DEMO_MAKERS = Synthesize(
    makers=[
        Composite(name="composite", repeat_cutouts=True),  # the demo has some thirty people to cut out
        Rendered(name="rendered", width=512, height=384, chunks=1, counts=[0, 5, 50]),
        Diffusers(
            name="drawn",
            model="throng:demo_diffusion/text_to_image",
            licence="CC0-1.0",
            redistributable=True,
            chunks=1,
            counts=[0, 2, 5, 20],
            densities=[],
            width=256,
            height=192,
            steps=20,
            guidance=1.0,
            # so young a model heeds a rendered crowd, not a number in words
            layout=FromLayout(kind="img2img", strength=0.4),
        ),
    ]
)
DEMO_CHECK = Check(detectors=[detectors.Ultralytics(backend="ultralytics")])


class Config(Section):
    """The configuration of a run: one section per stage, and what all stages share."""

    seed: int = setting(0, "dataset seed: every sample's own seed comes from it, the stage and the sample's id", ge=0)
    results: str = runtime("results", "folder of everything the workflow makes")
    data_root: str | None = runtime(None, "folder that relative source roots start from; null: $THRONG_DATA, else here")
    log_level: Literal["DEBUG", "INFO", "WARNING"] = runtime("INFO", "how much the log files say")
    render: Render = setting(Render(), "rendered scenes for the demo")
    fetch_models: FetchModels = setting(FetchModels(), "model files pinned on a hub")
    ingest: Ingest = setting(TypeAdapter(Ingest).validate_python({"sources": DEMO_SOURCES}), "sources of photographs")
    train_detector: TrainDetector = setting(TrainDetector(), "a detector of one's own")
    detect: Detect = setting(Ultralytics(), "finding people")
    remove: Remove = setting(OpenCV(check=DEMO_CHECK), "taking people out of photographs")
    rank_pairs: RankPairs = setting(RankPairs(), "ordered pairs")
    audit_pairs: AuditPairs = setting(AuditPairs(), "whether the pairs are right")
    prompt: Prompt = setting(DEMO_PROMPT, "images to ask for")
    train_demo_diffusion: TrainDemoDiffusion = setting(TrainDemoDiffusion(), "the demo's own diffusion pipelines")
    synthesize: Synthesize = setting(DEMO_MAKERS, "images with a requested number of people")
    count_synthetic: CountSynthetic = setting(CountSynthetic(), "how many people are seen in them")
    calibrate_counts: CalibrateCounts = setting(CalibrateCounts(), "how many they really show")
    label_density: LabelDensity = setting(LabelDensity(), "how crowded an image is")
    audit_density: AuditDensity = setting(AuditDensity(), "which density label tells the truth")
    convert_dataset: ConvertDataset = setting(ConvertDataset(), "square images by density class, for training GANs")
    train_gan: TrainGan = setting(TrainGan(), "generators of crowds that heed a density")
    evaluate_gan: EvaluateGan = setting(EvaluateGan(), "whether they are good, and do")
    sample_gan: SampleGan = setting(SampleGan(), "images that they draw")
    train_counter: TrainCounter = setting(TrainCounter(), "a counter trained on points")
    evaluate: Evaluate = setting(Evaluate(), "counting on real photographs")
    pretrain_count: PretrainCount = setting(PretrainCount(), "learning to count without labels")
    pretrain_rank: PretrainRank = setting(PretrainRank(), "learning to rank pictures by their number of people")
    fit_counts: FitCounts = setting(FitCounts(), "from ranked features to a number of people")
    probe: Probe = setting(Probe(), "what has been learnt without labels")
    ladder: Ladder = setting(Ladder(), "what each step towards counting without labels is worth")
    audit_leakage: AuditLeakage = setting(AuditLeakage(), "near copies across splits")
    release: Release = setting(Release(), "the shards")
    report: Report = setting(Report(), "one page to look at")

    @model_validator(mode="after")
    def _label_free(self) -> Self:
        check_label_free(self)
        return self


# a few lines of YAML whose anchors name each other stand for any number of values
_short = reprlib.Repr()
_short.maxlevel = 3
_short.maxstring = _short.maxother = _short.maxlong = 200


def load(raw: Mapping[str, Any]) -> Config:
    """Validate a configuration as Snakemake merged it; raises ThrongError naming each bad key and its nearest."""
    try:
        return Config.model_validate(dict(raw))
    except ValidationError as error:
        lines = [_explain(dict(raw), problem) for problem in error.errors()]
        raise ThrongError("the configuration is not valid:\n  " + "\n  ".join(lines)) from error


def _explain(raw: Any, problem: Any) -> str:
    path = _visible_path(raw, problem["loc"])
    where = ".".join(map(str, path))
    if not where:  # a check across sections names its keys itself
        return problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return _explain_unknown(where, problem["loc"])
    if problem["type"] == "union_tag_invalid":
        expected = problem["ctx"]["expected_tags"]
        return f"{where}.{problem['ctx']['discriminator'].strip(chr(39))}: unknown; expected one of {expected}"
    if problem["type"] == "missing":
        return f"{where}: this key is required and has no default"
    return f"{where}: {problem['msg']}, got {_short.repr(problem['input'])}"


def _visible_path(raw: Any, loc: Sequence[str | int]) -> list[str | int]:
    """Drop from an error's location the union tags that no user wrote."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        inside: dict[str | int, Any] = dict(enumerate(raw)) if isinstance(raw, list) else raw
        if isinstance(inside, dict) and part in inside:
            path.append(part)
            raw = inside[part]
        elif index == len(loc) - 1:
            path.append(part)
    return path


def _explain_unknown(where: str, loc: Sequence[str | int]) -> str:
    parent: Any = Config
    for part in loc[:-1]:
        parent = _descend(parent, part)
    key = str(loc[-1])
    for other in _siblings(loc):
        if other is not parent and key in other.model_fields:
            field = other.model_fields["backend" if "backend" in other.model_fields else "format"]
            owner = get_args(field.annotation)[0]
            return f"{where}: belongs to {owner!r}, which is not chosen here; remove the key or choose that one"
    models = cast("list[Any]", parent) if isinstance(parent, list) else [parent]
    known = list(dict.fromkeys(name for model in models for name in model.model_fields))
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
    return f"{where}: unknown key; {hint}"


def _members(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [member for argument in get_args(annotation) for member in _members(argument)]


def _descend(model: Any, part: str | int) -> Any:
    """Follow one step of an error's location: a field, an index, a dictionary key or a union tag."""
    if isinstance(model, list):
        tagged = [m for m in model if any((str(part),) == get_args(f.annotation) for f in m.model_fields.values())]
        return (tagged or model)[0] if isinstance(part, str) and tagged else model if len(model) > 1 else model[0]
    if isinstance(part, str) and part in model.model_fields:
        members = _members(model.model_fields[part].annotation)
        return members[0] if len(members) == 1 else members
    return model


def _siblings(loc: Sequence[str | int]) -> list[type[BaseModel]]:
    parent: Any = Config
    for part in loc[:-1]:
        before = parent
        parent = _descend(parent, part)
        if isinstance(before, list) and not isinstance(parent, list):
            return before
    return []


def schema_text() -> str:
    """Return the JSON schema of config.yaml, for editors and validators."""
    schema = Config.model_json_schema() | {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def config_text() -> str:
    """Return config.yaml: every key with its description and default.

    Keys of a section with several backends stand commented out below the chosen one, so that an overlay may choose
    another without inheriting them.
    """
    lines = [
        "# yaml-language-server: $schema=workflow/schemas/config.schema.json",
        "# The demo: rendered scenes, no download, no GPU. Generated by `python -m throng.config`; your own settings",
        "# go into an overlay: snakemake --configfile my.yaml. A key marked (runtime) changes no output and reruns",
        "# nothing.",
    ]
    default = Config()
    for name, field in Config.model_fields.items():
        value = getattr(default, name)
        if isinstance(value, BaseModel):
            lines += ["", f"# {_sentence(value)}", f"{name}:"]
            alternatives = len(_members(field.annotation)) > 1
            lines += _section_lines(value, alternatives)
        else:
            lines += ["", *_key_lines(name, field, value, "")]
    return "\n".join(lines) + "\n"


def _section_lines(section: BaseModel, alternatives: bool) -> list[str]:
    lines: list[str] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        inherited = alternatives and name != "backend" and value == _default(field)
        lines += _key_lines(name, field, value, "  # " if inherited else "  ")
    return lines or ["  {}"]


def _key_lines(name: str, field: FieldInfo, value: Any, prefix: str) -> list[str]:
    import yaml

    extra = field.json_schema_extra
    mark = " (runtime)" if isinstance(extra, dict) and extra.get("affects_output") is False else ""
    comment = prefix if prefix.endswith("# ") else prefix + "# "
    said = f"{field.description}{mark}" if field.description else ""
    lines = textwrap.wrap(said, 120, initial_indent=comment, subsequent_indent=comment, break_on_hyphens=False)
    if isinstance(value, BaseModel) and _members(field.annotation) == [type(value)] and value == _default(field):
        inside = [_key_lines(key, part, getattr(value, key), prefix + "  ") for key, part in _fields(value)]
        return [*lines, f"{prefix}{name}:", *(line for block in inside for line in block)]
    if isinstance(value, list) and len(value) == 1 and _members(field.annotation) == [type(value[0])]:
        (only,) = value
        inside = [_key_lines(key, part, getattr(only, key), prefix + "    ") for key, part in _fields(only)]
        return [*lines, f"{prefix}{name}:", f"{prefix}  -", *(line for block in inside for line in block)]
    plain = _plain(value)
    if isinstance(plain, list) and any(len(str(item)) > 30 for item in plain):
        text = yaml.safe_dump({name: plain}, sort_keys=False, default_flow_style=False, width=110)
    else:
        text = f"{name}: " + yaml.safe_dump(plain, default_flow_style=True).removesuffix("...\n").strip()
    return lines + [prefix + line for line in text.splitlines()]


def _fields(section: BaseModel) -> list[tuple[str, FieldInfo]]:
    return list(type(section).model_fields.items())


def _plain(value: Any) -> Any:
    """Return a value as YAML has it; of a section, what it is called and what differs from its defaults."""
    if isinstance(value, BaseModel):
        kept = [name for name, field in _fields(value) if name in TAGS or getattr(value, name) != _default(field)]
        ordered = sorted(kept, key=lambda name: TAGS.index(name) if name in TAGS else len(TAGS))
        return {name: _plain(getattr(value, name)) for name in ordered}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    return TypeAdapter(Any).dump_python(value, mode="json")


def _default(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True)


def _sentence(section: BaseModel) -> str:
    return (type(section).__doc__ or "").strip().splitlines()[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write config.yaml and the schema, or with ``--check`` exit with 1 when either is out of step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of step")
    check = parser.parse_args(arguments).check
    stale = [
        path for path, text in ((CONFIG_FILE, config_text()), (SCHEMA_FILE, schema_text())) if _differs(path, text)
    ]
    if check and stale:
        names = ", ".join(path.relative_to(ROOT).as_posix() for path in stale)
        sys.exit(f"{names}: out of step with throng/config.py; run `python -m throng.config` and commit the result")
    if not check:
        write_text(CONFIG_FILE, config_text())
        write_text(SCHEMA_FILE, schema_text())


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text() != text


if __name__ == "__main__":
    main()
