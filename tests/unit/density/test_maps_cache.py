"""Compiled code is made once and kept on disk: fresh processes and pools of workers load it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "workflow" / "scripts"

USE = """
import json, multiprocessing, sys
import numpy as np
from throng.density import neighbours, stamps
from throng.density.maps import density_map

def use(seed):
    points = np.random.default_rng(seed).uniform(0, 60, (20, 2))
    for mode in ("mass", "csrnet", "c3"):
        density_map(points, (60, 60), mode=mode)
    made = [neighbours.mean_nearest, stamps.mass_map, stamps.sampled_map, stamps.recentred_map, stamps.distinct]
    hits = sum(sum(function.stats.cache_hits.values()) for function in made)
    misses = sum(sum(function.stats.cache_misses.values()) for function in made)
    return hits, misses, sorted({function.stats.cache_path for function in made})

if __name__ == "__main__":
    workers = int(sys.argv[1])
    if workers:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            print(json.dumps(pool.map(use, range(workers), chunksize=1)))
    else:
        print(json.dumps([use(0)]))
"""


def run(folder, workers=0, library=SCRIPTS, **environment):
    script = folder / "use.py"
    script.write_text(USE)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, script, str(workers)],
        env={**inherited, "PYTHONPATH": str(library), **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_pool_of_fresh_processes_compiles_nothing(tmp_path):
    cache = str(tmp_path / "cache")
    [(hits, misses, _)] = run(tmp_path, NUMBA_CACHE_DIR=cache)
    assert (hits, misses) == (0, 5)
    before = sorted((tmp_path / "cache").rglob("*"))
    assert before
    for hits, misses, _ in run(tmp_path, workers=3, NUMBA_CACHE_DIR=cache):
        assert (hits, misses) == (5, 0)
    assert sorted((tmp_path / "cache").rglob("*")) == before


def read_only(library):
    shutil.copytree(SCRIPTS / "throng", library / "throng", ignore=shutil.ignore_patterns("__pycache__"))
    # a file where the folder of the cache would be stops even the superuser
    (library / "throng" / "density" / "__pycache__").write_text("")
    return library


@pytest.mark.slow
def test_an_installation_that_cannot_be_written_to_caches_in_the_users_folder(tmp_path):
    library = read_only(tmp_path / "library")
    home = tmp_path / "home"
    environment = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    [(hits, misses, paths)] = run(tmp_path, library=library, **environment)
    assert (hits, misses) == (0, 5)
    assert all(Path(path).is_relative_to(home) for path in paths)
    [(hits, misses, _)] = run(tmp_path, library=library, **environment)
    assert (hits, misses) == (5, 0)


def test_without_any_place_for_a_cache_there_is_still_an_import(tmp_path):
    library = read_only(tmp_path / "library")
    nowhere = str(library / "throng" / "density" / "__pycache__" / "home")
    done = subprocess.run(
        [sys.executable, "-c", "from throng.density.stamps import mass_map; print(mass_map.stats.cache_path)"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(library), "HOME": nowhere, "XDG_CACHE_HOME": nowhere},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip() == "None", done.stderr
