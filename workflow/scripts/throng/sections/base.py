"""What every section is: frozen, strict about its keys, and explicit about which of them decide the output."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def setting(default: Any = ..., description: str = "", **limits: Any) -> Any:
    """Declare a key that decides the output: an edit reruns the stage."""
    return Field(default, description=description, **limits)


def runtime(default: Any = ..., description: str = "", **limits: Any) -> Any:
    """Declare a key that only says where or how fast a stage runs: an edit reruns nothing."""
    return Field(default, description=description, json_schema_extra={"affects_output": False}, **limits)


def named_apart(members: list[Any]) -> list[Any]:
    """Return a section's list of named members; raises ValueError when two have the same name."""
    names = [member.name for member in members]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"named twice: {', '.join(twice)}")
    return members


def check_device(device: str, precision: str, processes: int = 1) -> None:
    """Raise ValueError for arithmetic that a device does not do, and for one GPU that several processes are given."""
    if precision == "fp16" and device == "cpu":
        raise ValueError("precision: fp16 needs a GPU; use bf16 or fp32 on device cpu")
    if processes > 1 and ":" in device:
        raise ValueError(f"device: {device} is one GPU, and each of {processes} processes wants its own: use cuda")


def run_names(section: Any) -> list[str]:
    """Return the names of the runs of a section that is trained, or fitted, once per seed."""
    return [f"seed-{number}" for number in range(1, section.seeds + 1)]


def output_slice(value: Any) -> Any:
    """Return the part of a section that decides the output, defaults filled in, as plain JSON values."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {name: output_slice(getattr(value, name)) for name in fields if _affects_output(fields[name])}
    if isinstance(value, dict):
        return {str(key): output_slice(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [output_slice(item) for item in cast("list[Any]", value)]
    return value


def of_job(section: Any, wildcards: Mapping[str, str]) -> Any:
    """Return the part of a stage's section that one of its jobs depends on: all of it, unless the section divides."""
    divide = getattr(section, "of_job", None)
    return divide(wildcards) if divide else section


def _affects_output(field: FieldInfo) -> bool:
    extra = cast("Any", field.json_schema_extra)
    return not (isinstance(extra, dict) and cast("dict[str, Any]", extra).get("affects_output") is False)
