"""Near hashes among many: ours against comparing all with all, both compiled.

    python benchmarks/near_copies.py [--held 10000] [--queries 2000] [--peer-queries 40]

Hashes are those of made pictures, with all their windows, as audit_leakage keeps them; every tenth that is looked up is
a changed copy of a held one. What both find is compared first. They take turns on one core; the ratio is of the times
per image looked up. What a million images would take follows from the time per image, which does not depend on how many
are looked up. Figures go to standard output and to benchmarks/results/near_copies.json.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))

from throng.compiled import compiled
from throng.images import decode, encode_jpeg
from throng.likeness.hashes import hashes_of, windows_of
from throng.likeness.neighbours import Held, near
from throng.popcount import ones
from throng.sections.audit_leakage import AuditLeakage

RESULTS = Path(__file__).parent / "results"
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--peer-queries", type=int, default=40)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    default = AuditLeakage()
    windows = windows_of(default.crops)
    started = time.perf_counter()
    held = np.stack([hashed(seed, windows) for seed in range(options.held)])
    looked_up = np.stack([looked(seed, options.held, windows) for seed in range(options.queries)])
    hashing = (time.perf_counter() - started) / (options.held + options.queries)
    started = time.perf_counter()
    index = Held.of(held, default.distance)
    indexing = time.perf_counter() - started
    few = looked_up[: options.peer_queries]
    agree(few, held, index, default.distance)
    times: dict[str, list[float]] = {"ours": [], "all with all": []}
    for _ in range(ROUNDS):
        times["ours"].append(timed(lambda: near(looked_up, index, default.neighbours)) / len(looked_up))
        times["all with all"].append(timed(lambda: least(few, held)) / len(few))
    ours, peer = (statistics.median(times[name]) for name in ("ours", "all with all"))
    figures: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "held": options.held,
        "hashes of each": 1 + len(windows),
        "distance": default.distance,
        "ms to make and hash a picture": round(1e3 * hashing, 2),
        "s to index": round(indexing, 2),
        "ms per image": {"ours": round(1e3 * ours, 4), "all with all": round(1e3 * peer, 3)},
        "ratio": round(statistics.median(b / a for a, b in zip(*times.values(), strict=True)), 1),
        "s for a million images, one core": round(1e6 * ours),
    }
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "near_copies.json").write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")


def picture(seed: int) -> np.ndarray:
    """Return a (96, 128, 3) uint8 picture with the spectrum of photographs."""
    rng = np.random.default_rng(seed)
    made = np.zeros((96, 128))
    for side in (2, 4, 8, 16, 32):
        made += cv2.resize(rng.normal(size=(side, side)), (128, 96), interpolation=cv2.INTER_CUBIC) / side**0.5
    made = (made - made.min()) / (made.max() - made.min())
    return np.repeat(np.rint(255 * made).astype(np.uint8)[:, :, None], 3, axis=2)


def hashed(seed: int, windows: Any) -> np.ndarray:
    found = hashes_of(picture(seed), windows)
    assert found is not None
    return found


def looked(seed: int, held: int, windows: Any) -> np.ndarray:
    """Return the hashes of a picture that is not held or, of every tenth, of one that is, cut, mirrored, compressed."""
    if seed % 10:
        return hashed(held + seed, windows)
    changed = np.ascontiguousarray(picture(seed)[5:92, 4:120][:, ::-1])
    found = hashes_of(decode(encode_jpeg(changed, 50)), windows)
    assert found is not None
    return found


def agree(looked_up: np.ndarray, held: np.ndarray, index: Held, distance: int) -> None:
    """Stop unless both find the same pairs with the same bits."""
    found = near(looked_up, index, len(held))
    got = np.full((len(looked_up), len(held)), 65)
    got[found.looked_up, found.held] = found.bits
    wanted = least(looked_up, held)
    if not np.array_equal(got, np.where(wanted <= distance, wanted, 65)):
        raise SystemExit("ours finds other pairs than comparing all with all")
    print(f"both find the same {len(found.held)} pairs", flush=True)


@partial(compiled, nogil=True)
def least(looked_up, held):
    """Compare all with all: (Q, R) fewest bits."""
    answer = np.full((len(looked_up), len(held)), 65)
    windows = held.shape[1]
    for row in range(len(looked_up)):
        for place in range(len(held)):
            best = 65
            for whole in range(2):
                for window in range(1, windows):
                    best = min(best, ones(looked_up[row, whole] ^ held[place, window]))
                for window in range(2, windows):
                    best = min(best, ones(looked_up[row, window] ^ held[place, whole]))
            answer[row, place] = best
    return answer


def timed(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
