"""Files that bring code along: each attack is planted, and nothing of it runs."""

import ast
import io
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

import throng
from throng.config import load
from throng.errors import ThrongError
from throng.own_prompts import own_rows
from throng.sources.shanghaitech import read_mat
from throng.weights import contents

ROOT = Path(throng.__file__).parent
SCRIPTED = "gan/metrics/torchscript.py"  # a graph that its user names by its kind; no Python is in it
OWN_CALL = "processes.py"  # what a parent wrote for its child this moment, in a folder of its own


WATCHED = {
    "load", "loads", "unsafe_load", "full_load", "extractall", "unpack_archive", "system", "popen", "eval", "exec",
    "__import__", "load_module", "from_pretrained", "open",
}  # fmt: skip


class Attack:
    """What runs a command when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, (f"touch '{self.proof}'",)


def _calls(path: Path) -> list[tuple[str, ast.Call]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            last = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if last in WATCHED or {each.arg for each in node.keywords} & {"trust_remote_code", "shell"}:
                found.append((ast.unparse(node.func), node))
    return found


def _said(call: ast.Call, keyword: str) -> str | None:
    return next((ast.unparse(each.value) for each in call.keywords if each.arg == keyword), None)


def test_no_part_of_throng_loads_a_file_in_a_way_that_runs_what_is_in_it() -> None:
    wrong = []
    for path in sorted(ROOT.rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        for name, call in _calls(path):
            last = name.rpartition(".")[2]
            bad = (
                (name == "torch.load" and _said(call, "weights_only") != "True")
                or (name in ("np.load", "numpy.load") and _said(call, "allow_pickle") not in (None, "False"))
                or (name == "yaml.load" and _said(call, "Loader") not in ("yaml.CSafeLoader", "yaml.SafeLoader"))
                or (last in ("unsafe_load", "full_load", "extractall", "unpack_archive", "system", "popen"))
                or (
                    name.startswith(("pickle.load", "joblib.", "dill.", "shelve.", "marshal.load"))
                    and where != OWN_CALL
                )
                or (name == "torch.jit.load" and where != SCRIPTED)
                or (name in ("eval", "exec", "__import__") or last == "load_module")
                or (_said(call, "trust_remote_code") not in (None, "False"))
                or (_said(call, "shell") not in (None, "False"))
                or (name.startswith("Auto") and last == "from_pretrained" and not _said(call, "trust_remote_code"))
            )
            wrong += [f"{where}:{call.lineno}: {name}"] if bad else []
    assert wrong == []


def test_imagenet_weights_that_are_an_attack_are_refused_unread(tmp_path: Path) -> None:
    import torch

    from throng.counting.registry import build

    weights = tmp_path / "vgg16.pt"
    torch.save({"a": Attack(tmp_path / "owned")}, weights)
    with pytest.raises(ThrongError):
        build("csrnet", weights=str(weights))
    weights.write_bytes(pickle.dumps(Attack(tmp_path / "owned")))
    with pytest.raises(ThrongError):
        build("csrnet", weights=str(weights))
    assert not (tmp_path / "owned").exists()


def test_an_npy_of_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([Attack(tmp_path / "owned")], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        np.load(tmp_path / "a.npy")
    assert not (tmp_path / "owned").exists()


def test_a_mat_of_objects_is_one_more_bad_annotation() -> None:
    from scipy.io import savemat

    cells = np.empty((3, 1), object)
    cells[:] = [["text"], [np.ones((2, 2))], [{"deep": np.ones(1)}]]
    for location in (cells, np.array([["a", "b"]]), {"x": 1.0}):
        info = np.empty((1, 1), object)
        info[0, 0] = {"location": location, "number": 1.0}
        out = io.BytesIO()
        savemat(out, {"image_info": info})
        with pytest.raises(ThrongError, match=r"^bad annotation: "):
            read_mat(out.getvalue())


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch owned']",
        "!!python/object/new:os.system ['touch owned']",
        "!!python/object/apply:subprocess.Popen [['touch', 'owned']]",
        "!!python/name:os.system",
    ],
)
def test_a_configuration_with_a_python_tag_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    from snakemake.common.configfile import load_configfile
    from snakemake.exceptions import WorkflowError

    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.yaml").write_text(f"seed: {tag}\ningest: {{sources: []}}\n")
    with pytest.raises((WorkflowError, ThrongError)):
        load(load_configfile(str(tmp_path / "evil.yaml")))
    assert not (tmp_path / "owned").exists()


def _safetensors(header: object, body: bytes = b"", length: int | None = None) -> bytes:
    said = json.dumps(header).encode()
    return struct.pack("<Q", len(said) if length is None else length) + said + body


@pytest.mark.parametrize(
    "data",
    [
        _safetensors({}, length=2**63),
        _safetensors({}, length=10**9),
        _safetensors({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}, b"\0" * 4),
        _safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**50]}}, b"\0" * 4),
        _safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}, b"\0" * 4),
        _safetensors({"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
        _safetensors(
            {k: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for k in "ab"}, b"\0" * 4
        ),
    ],
    ids=["length", "long", "shape", "end", "negative", "type", "overlapping"],
)  # fmt: skip
def test_a_safetensors_header_that_lies_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(ThrongError, match="is not a readable safetensors file"):
        contents(tmp_path / "a.safetensors", "counter")


def test_a_table_of_prompts_whose_one_page_is_a_bomb_costs_a_sentence(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000_000, pa.int32()), pa.array(["x" * 50]))
    pq.write_table(pa.table({"text": text, "count": [1] * 2_000_000}), tmp_path / "p.parquet", compression="zstd")
    assert (tmp_path / "p.parquet").stat().st_size < 100_000
    with pytest.raises(ThrongError, match=r"has 2000000 rows, expected at most"):
        own_rows(tmp_path / "p.parquet", 0)
