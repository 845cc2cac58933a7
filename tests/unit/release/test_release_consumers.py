"""A release is loaded by what its users have; `make consumers` does the same where throng is not installed."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.release.miniature import draw, make_run, reseal

# webdataset leaves the shards that it opened to the collector of garbage
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SCRIPT = Path(__file__).parents[3] / "envs" / "consumers.py"


def script() -> Any:
    """Return the script as a module; it is no part of the package, so that it runs without it."""
    spec = importlib.util.spec_from_file_location("consumers", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["consumers"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def consumers() -> Any:
    return script()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with every product, pixels and recipes."""
    run = make_run({"open": True, "closed": False})
    draw(run)
    return run.write(tmp_path_factory.mktemp("consumers")).release()


@pytest.fixture
def release(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "release"))


def test_every_consumer_sees_every_product(release: Path, tmp_path: Path, consumers: Any) -> None:
    told: list[str] = []
    consumers.load(consumers.Release(release, tmp_path / "cache"), told.append)
    products = json.loads((release / "index.json").read_text())["products"]
    for name in ("datasets", "pandas", "duckdb", "polars"):
        lines = [line for line in told if line.startswith(name)]
        for product, counts in products.items():
            assert any(f"{product}:" in line for line in lines) == bool(counts["pixels"])
            assert any(f"{product}_recipes:" in line for line in lines) == bool(counts["recipes"])
    assert sum(line.startswith("webdataset") for line in told) == sum(bool(c["pixels"]) for c in products.values())


def fewer_rows(folder: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    index["products"]["ranked_pairs"]["pixels"]["train"] += 1
    (folder / "index.json").write_text(json.dumps(index))
    reseal(folder)


def other_pixels(folder: Path) -> None:
    path = next((folder / "data" / "fixed_count").glob("train-*.parquet"))
    table = pq.read_table(path)
    images = table["image"].to_pylist()
    images[0], images[1] = images[1], images[0]
    column = pa.array(images, table.schema.field("image").type)
    pq.write_table(table.set_column(table.schema.get_field_index("image"), table.schema.field("image"), column), path)
    reseal(folder)


def changed_byte(folder: Path) -> None:
    path = folder / "README.md"
    path.write_bytes(path.read_bytes().replace(b"a", b"b", 1))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (fewer_rows, r"polars: ranked_pairs: rows by split: .*expected"),
        (other_pixels, r"duckdb: fixed_count: images of image with another sha256"),
        (changed_byte, r"sha256sum: .*README\.md: FAILED"),
    ],
)
def test_difference_is_seen(
    release: Path, tmp_path: Path, consumers: Any, fault: Callable[[Path], None], said: str
) -> None:
    fault(release)
    opened = consumers.Release(release, tmp_path / "cache")
    with pytest.raises(consumers.DifferenceError, match=said):
        consumers.load(opened, lambda _: None, only=(said.partition(":")[0],))


def test_folder_that_is_no_release_is_refused(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, SCRIPT, tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the folder of a release" in done.stderr
    done = subprocess.run(["bash", SCRIPT.with_suffix(".sh"), tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "make consumers RELEASE=" in done.stderr
