"""The passes of a filtered leaky ReLU compiled for the processor: a few rows of the fine grid exist at a time.

Polyphase (Karras et al. 2021, App. C.2, name the trick): of an up-sampled row only the taps that meet a sample are
multiplied. Columns of the fine grid are kept by phase, so that every sum runs over neighbours in memory, and several
images' planes lie side by side in one row, so that narrow ones fill the vector units as well.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from throng.compiled import compiled
from throng.gan.filtered_lrelu.passes import Pass
from throng.gan.filtered_lrelu.taps import Rows

COLUMNS = 1024  # of the fine grid in one row of planes side by side: what a core's cache holds with all taps' rows
TAPS = 6  # products per sweep over a row
OUTSIDE = 170  # four codes of "clamped": no gradient passes

kernel = partial(compiled, nogil=True, fastmath={"contract", "nsz"})


class Bend(NamedTuple):
    """The leaky ReLU: slope above zero, slope below, bound."""

    high: np.float32
    low: np.float32
    clamp: np.float32


class Plan(NamedTuple):
    """Where the sums of a pass read. Horizontal tables are per phase, vertical ones per phase or one for all rows."""

    rise_step: int
    fall_step: int
    length: int  # rows of the fine grid
    phases: int
    columns: int  # of one phase of the fine grid
    full: int  # phases whose last column lies on the grid
    split: int  # phases of a source row
    joined: int  # phases of a result row
    pitch: int  # columns from one plane to the next
    lead: int  # zeros before a source row
    margin: int  # zeros before a row of the fine grid
    slack: int
    rise_across: np.ndarray  # (terms, phases, taps) float32
    rise_phase: np.ndarray  # (phases, taps)
    rise_column: np.ndarray
    rise_along: np.ndarray  # (terms, rise_step, taps) float32
    rise_row: np.ndarray  # (rise_step, taps)
    fall_along: np.ndarray  # (terms, taps) float32
    fall_row: np.ndarray  # (taps,)
    fall_across: np.ndarray  # (terms, joined, taps) float32
    fall_phase: np.ndarray  # (joined, taps)
    fall_column: np.ndarray


def new_codes(planes: int, one: Pass) -> np.ndarray:
    """Return room for two bits per sample of the fine grid, four rows in a byte: (planes, bytes, columns) uint8."""
    plan = plan_of(one)
    return np.empty((planes, -(-plan.length // 4), plan.phases * plan.columns), np.uint8)


def run(
    one: Pass, source: np.ndarray, bias: np.ndarray, codes: np.ndarray, bend: Bend, forward: bool, threads: int
) -> np.ndarray:
    """Return the result (planes, H', W') of a pass over source (planes, H, W), both float32, with ``threads``.

    Forward adds ``bias`` (planes,) and writes ``codes`` unless they are empty; backward reads them.
    """
    plan = plan_of(one)
    result = np.empty((len(source), *one.result), np.float32)
    # A plane's values do not depend on its neighbours, so neither do they on the number of threads.
    threads = max(1, min(threads, len(source)))
    share = -(-len(source) // threads)
    most = max(1, round(COLUMNS / (plan.pitch * plan.phases)))
    side_by_side = math.ceil(share / math.ceil(share / most))
    whole = (source, bias, result, codes, side_by_side, forward, forward and codes.size > 0, bend, plan)
    if threads == 1:
        _stream(0, len(source), *whole)
        return result
    starts = range(0, len(source), share)
    list(_pool(os.getpid(), threads).map(lambda first: _stream(first, min(first + share, len(source)), *whole), starts))
    return result


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Return this process's threads: a forked process has none of its parent's."""
    return ThreadPoolExecutor(threads, thread_name_prefix=f"filtered-lrelu-{process}")


@lru_cache(maxsize=512)
def plan_of(one: Pass) -> Plan:
    """Return where a pass reads; the same for every call with these sizes and filters."""
    phases = math.lcm(one.rise_step, one.fall_step)
    split, joined = phases // one.rise_step, phases // one.fall_step
    columns = -(-one.fine[1] // phases)
    rise_across, at = _rise(one.rise.across, one.rise_step, one.rise_before[1], phases)
    rise_phase, rise_column = at % split, at // split
    rise_along, rise_row = _rise(one.rise.along, one.rise_step, one.rise_before[0], one.rise_step)
    fall_along, fall_row = _fall(one.fall.along, one.fall_step, one.fall_before[0], 1)
    fall_across, at = _fall(one.fall.across, one.fall_step, one.fall_before[1], joined)
    fall_phase, fall_column = at % phases, at // phases
    margin, lead = max(0, -int(fall_column.min())), max(0, -int(rise_column.min()))
    wide, narrow = -(-one.source[1] // split), -(-one.result[1] // joined)
    # Far enough apart that no sum of one plane reaches into the samples of the next, and each result has its room even
    # where the fine grid is cropped and its first sums lie before it.
    reach = max(0, int(fall_column.max()))
    pitch = max(wide + lead, columns + int(rise_column.max()), columns + margin, narrow + reach)
    lead += margin
    rise_column, fall_column = rise_column + lead - margin, fall_column + margin
    slack = max(int(rise_column.max()), int(fall_column.max()), lead + wide)
    full = one.fine[1] - (columns - 1) * phases
    return Plan(
        one.rise_step, one.fall_step, one.fine[0], phases, columns, full, split, joined, pitch, lead, margin, slack,
        rise_across, rise_phase, rise_column, rise_along, rise_row,
        fall_along[:, 0].copy(), fall_row[0].copy(), fall_across, fall_phase, fall_column,
    )  # fmt: skip


def _rise(terms: Rows, step: int, before: int, phases: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (terms, phases, taps) and source samples (phases, taps) of the first fine sample of each phase."""
    taps = len(terms[0])
    width = math.ceil(math.ceil(taps / step) / TAPS) * TAPS
    weights = np.zeros((len(terms), phases, width), np.float32)
    samples = np.zeros((phases, width), np.int64)
    for phase in range(phases):
        met = [tap for tap in range(taps) if (phase + taps - 1 - tap - before) % step == 0]
        for place, tap in enumerate(met):
            weights[:, phase, place] = [row[tap] for row in terms]
            samples[phase, place:] = (phase + taps - 1 - tap - before) // step
    return weights, samples


def _fall(terms: Rows, step: int, before: int, phases: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (terms, phases, taps) and fine samples (phases, taps) of the first result of each phase."""
    taps = len(terms[0])
    width = math.ceil(taps / TAPS) * TAPS
    weights = np.zeros((len(terms), phases, width), np.float32)
    samples = np.zeros((phases, width), np.int64)
    for phase in range(phases):
        for tap in range(taps):
            weights[:, phase, tap] = [row[tap] for row in terms]
            samples[phase, tap:] = phase * step + taps - 1 - tap - before
    return weights, samples


@kernel
def _stream(first, last, source, bias, result, codes, side_by_side, forward, keep, bend, plan):  # noqa: PLR0912, PLR0915
    terms, taps, falls, fall_taps = plan.rise_across.shape[0], plan.rise_row.shape[1], *plan.fall_along.shape
    height, rows_out = source.shape[1], result.shape[1]
    lowest, run = plan.rise_row.min(), side_by_side * plan.pitch
    span = plan.phases * run
    # Rings of rows, one of zeros behind each for what lies outside.
    risen_rows = plan.rise_row.max() - lowest + 2
    fine_rows = plan.fall_row.max() - plan.fall_row.min() + 1 + plan.fall_step
    line = np.zeros((plan.split, run + plan.slack), np.float32)
    risen = np.zeros((risen_rows * terms + 1, span), np.float32)
    fine = np.zeros((fine_rows + 1, span + plan.slack), np.float32)
    fallen = np.zeros((1, span + plan.slack), np.float32)
    out = np.zeros((plan.joined, run), np.float32)
    packed = np.zeros(span, np.float32)
    rows, weights = np.zeros(taps * terms, np.int64), np.zeros(taps * terms, np.float32)
    fall_rows, columns = np.zeros(fall_taps, np.int64), np.zeros(fall_taps, np.int64)
    nought = np.zeros(max(taps * terms, fall_taps), np.int64)
    for plane in range(first, last, side_by_side):
        planes = min(side_by_side, last - plane)
        fine_row = max(0, plan.fall_row.min())
        source_row = max(0, fine_row // plan.rise_step + lowest)
        packed[:] = OUTSIDE
        if not forward and fine_row % 4:
            _unpack(codes, packed, plane, planes, fine_row // 4, run, plan)
            for _ in range(fine_row % 4):
                _gate(fine[0, :span], packed, bend)
        for row in range(rows_out):
            wanted = min(plan.length - 1, row * plan.fall_step + plan.fall_row.max())
            while fine_row <= wanted:
                phase, near = fine_row % plan.rise_step, fine_row // plan.rise_step
                while source_row <= min(height - 1, near + plan.rise_row[phase].max()):
                    _read(source, bias, line, plane, planes, source_row, forward, plan)
                    for term in range(terms):
                        whole = risen[(source_row % risen_rows) * terms + term]
                        for part in range(plan.phases):
                            _blend(
                                whole[part * run : (part + 1) * run], line, plan.rise_phase[part],
                                plan.rise_column[part], plan.rise_across[term, part], False,
                            )  # fmt: skip
                    source_row += 1
                for tap in range(taps):
                    at = near + plan.rise_row[phase, tap]
                    for term in range(terms):
                        inside = (at >= 0) & (at < height)
                        rows[tap * terms + term] = (at % risen_rows) * terms + term if inside else risen_rows * terms
                        weights[tap * terms + term] = plan.rise_along[term, phase, tap]
                current = fine[fine_row % fine_rows, :span]
                _blend(current, risen, rows, nought, weights, False)
                digit = fine_row % 4
                if forward:
                    if digit == 0:
                        packed[:] = 0
                    _activate(current, packed, np.float32(4 ** (3 - digit)), bend)
                    if keep and (
                        digit == 3 or fine_row == plan.length - 1 or (fine_row == wanted and row == rows_out - 1)
                    ):
                        _pack(codes, packed, plane, planes, fine_row // 4, run, plan)
                else:
                    if digit == 0:
                        _unpack(codes, packed, plane, planes, fine_row // 4, run, plan)
                    _gate(current, packed, bend)
                fine_row += 1
            for tap in range(fall_taps):
                at = row * plan.fall_step + plan.fall_row[tap]
                fall_rows[tap] = at % fine_rows if (at >= 0) & (at < plan.length) else fine_rows
            for term in range(falls):
                _blend(fallen[0, :span], fine, fall_rows, nought, plan.fall_along[term], False)
                for part in range(plan.joined):
                    for tap in range(fall_taps):
                        columns[tap] = plan.fall_phase[part, tap] * run + plan.fall_column[part, tap]
                    _blend(out[part], fallen, nought, columns, plan.fall_across[term, part], term > 0)
            _write(result, out, plane, planes, row, plan)


@kernel
def _read(source, bias, line, plane, planes, row, forward, plan):
    for place in range(planes):
        given = source[plane + place, row]
        added = bias[plane + place] if forward else np.float32(0)
        for part in range(plan.split):
            to = line[part, place * plan.pitch + plan.lead :]
            for j in range((given.shape[0] - part + plan.split - 1) // plan.split):
                to[j] = given[part + j * plan.split] + added


@kernel
def _write(result, out, plane, planes, row, plan):
    for place in range(planes):
        to = result[plane + place, row]
        for part in range(plan.joined):
            of = out[part, place * plan.pitch :]
            for j in range((to.shape[0] - part + plan.joined - 1) // plan.joined):
                to[part + j * plan.joined] = of[j]


@kernel
def _blend(out, source, rows, columns, weights, add):
    n = out.shape[0]
    for k in range(0, weights.shape[0], TAPS):
        a = source[rows[k], columns[k] : columns[k] + n]
        b = source[rows[k + 1], columns[k + 1] : columns[k + 1] + n]
        c = source[rows[k + 2], columns[k + 2] : columns[k + 2] + n]
        d = source[rows[k + 3], columns[k + 3] : columns[k + 3] + n]
        e = source[rows[k + 4], columns[k + 4] : columns[k + 4] + n]
        f = source[rows[k + 5], columns[k + 5] : columns[k + 5] + n]
        p, q, r = weights[k], weights[k + 1], weights[k + 2]
        s, t, u = weights[k + 3], weights[k + 4], weights[k + 5]
        if add or k > 0:
            for j in range(n):
                out[j] += p * a[j] + q * b[j] + r * c[j] + s * d[j] + t * e[j] + u * f[j]
        else:
            for j in range(n):
                out[j] = p * a[j] + q * b[j] + r * c[j] + s * d[j] + t * e[j] + u * f[j]


@kernel
def _activate(row, packed, place, bend):
    # Codes are digits to base 4, 0 positive, 1 negative, 2 clamped, gathered as floats: bytes would not vectorise.
    zero, two = place - place, place + place
    for j in range(row.shape[0]):
        value = row[j]
        bent = value * (bend.high if value > zero else bend.low)
        packed[j] += two if abs(bent) > bend.clamp else (zero if value > zero else place)
        row[j] = min(max(bent, -bend.clamp), bend.clamp)


@kernel
def _gate(row, packed, bend):
    zero, one, two, base = np.float32(0), np.float32(64), np.float32(128), np.float32(4)
    for j in range(row.shape[0]):
        code = packed[j]
        row[j] *= zero if code >= two else (bend.low if code >= one else bend.high)
        packed[j] = (code - (two if code >= two else (one if code >= one else zero))) * base


@kernel
def _pack(codes, packed, plane, planes, row, run, plan):
    for place in range(planes):
        for part in range(plan.phases):
            to = codes[plane + place, row, part * plan.columns : (part + 1) * plan.columns]
            of = packed[part * run + place * plan.pitch + plan.margin :]
            for j in range(plan.columns):
                to[j] = np.uint8(np.int32(of[j]))
            if part >= plan.full:
                to[plan.columns - 1] = OUTSIDE


@kernel
def _unpack(codes, packed, plane, planes, row, run, plan):
    for place in range(planes):
        for part in range(plan.phases):
            of = codes[plane + place, row, part * plan.columns : (part + 1) * plan.columns]
            to = packed[part * run + place * plan.pitch + plan.margin :]
            for j in range(plan.columns):
                to[j] = of[j]
