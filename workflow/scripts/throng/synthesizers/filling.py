"""Fills what was painted over with patches from elsewhere in the same photograph, so that the ground keeps its texture.

Every small patch of the result should be found in the rest of the photograph: patches and their sources are looked for
in turn, from coarse to fine (Wexler, Shechtman and Irani, "Space-Time Completion of Video", PAMI 2007), the sources by
random search and propagation (Barnes et al., "PatchMatch", SIGGRAPH 2009). Sources on other rows cost more, because the
ground appears smaller the farther it is.
"""

import cv2
import numpy as np
from numba import njit

RADIUS = 3  # of a patch, pixels
WORKING_SIDE = 512  # pixels of the longer side: beyond it sources are not looked for anew
COARSEST_SIDE = 40  # pixels of the shorter side
ROUNDS = 3  # of matching and voting on each level
PASSES = 2  # over all patches in each round
ROW_COST = 2e6  # added to the squared difference of a patch whose source lies the whole image height away
NEAR_ROWS = 0.25  # of the height, within which sources are drawn
NEAR = 16  # pixels about its source that a patch looks for a better one, once there is one
TRIES = 8  # sources drawn for a patch to begin with
ROUGH_RADIUS = 3.0  # of the inpainting that begins


def fill(pixels: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) uint8 pixels with new ones where (H, W) bool ``hole`` is, all others as they were.

    Where too little is left to take patches from, the hole is filled from its rim alone. The same input gives the same
    pixels.
    """
    if not hole.any():
        return pixels.copy()
    levels = _levels(pixels, hole)
    image, mask = levels[-1]
    image = cv2.inpaint(image, mask.astype(np.uint8), ROUGH_RADIUS, cv2.INPAINT_TELEA)
    match = np.zeros((0, 0, 2), np.int32)
    for original, mask in reversed(levels):
        larger = cv2.resize(image, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
        image = np.where(mask[..., None], larger, original)
        found = _completed(np.ascontiguousarray(image), mask, match, ROUNDS if max(mask.shape) <= WORKING_SIDE else 1)
        if found is not None:
            image, match = found
    if not match.size:
        return cv2.inpaint(pixels, hole.astype(np.uint8), ROUGH_RADIUS, cv2.INPAINT_TELEA)
    return image


def _levels(pixels: np.ndarray, hole: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the image and the hole, and their halvings; what is in a hole by any part is in it."""
    levels = [(pixels, hole)]
    while min(levels[-1][1].shape) >= 2 * COARSEST_SIDE:
        image, mask = levels[-1]
        size = image.shape[1] // 2, image.shape[0] // 2
        outside = (~mask).astype(np.float32)
        share = cv2.resize(outside, size, interpolation=cv2.INTER_AREA)
        levels.append((cv2.resize(image, size, interpolation=cv2.INTER_AREA), share < 0.999))
    return levels


def _completed(
    image: np.ndarray, hole: np.ndarray, coarse: np.ndarray, rounds: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Match and vote on one level, beginning with the sources of the level below; None where there are no sources."""
    height, width = hole.shape
    window = np.ones((2 * RADIUS + 1, 2 * RADIUS + 1), np.uint8)
    touched = cv2.dilate(hole.astype(np.uint8), window).astype(bool)
    inner = np.zeros_like(hole)
    inner[RADIUS : height - RADIUS, RADIUS : width - RADIUS] = True
    usable, wanted = inner & ~touched, inner & touched
    if not usable.any():
        return None
    targets, sources = np.argwhere(wanted).astype(np.int32), np.argwhere(usable).astype(np.int32)
    match = _begun(hole.shape, coarse, usable)
    cost = np.full(hole.shape, np.inf, np.float32)
    row_cost = np.float32(ROW_COST / height**2)
    first = np.searchsorted(sources[:, 0], np.arange(height + 1)).astype(np.int64)
    flat = image.reshape(height, 3 * width)
    reach = width if not coarse.size else NEAR
    for turn in range(rounds):
        _price(flat, targets, match, cost, row_cost)
        if turn == 0:
            _draw(flat, targets, sources, first, match, cost, row_cost, round(NEAR_ROWS * height))
        for step in range(PASSES):
            _search(flat, usable, wanted, targets, match, cost, row_cost, reach, step % 2 == 1, turn)
        flat = _vote(flat, hole, wanted, match, cost)
    return flat.reshape(height, width, 3), match


def _begun(shape: tuple[int, int], coarse: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return (H, W, 2) rows and columns of sources, twice those of the level below; -1 where there is none yet."""
    match = np.full((*shape, 2), -1, np.int32)
    if not coarse.size:
        return match
    rows, columns = np.indices(shape, np.int32)
    above = coarse[np.minimum(rows // 2, coarse.shape[0] - 1), np.minimum(columns // 2, coarse.shape[1] - 1)]
    found = 2 * above + np.stack([rows % 2, columns % 2], axis=2)
    found[..., 0] = np.clip(found[..., 0], 0, shape[0] - 1)
    found[..., 1] = np.clip(found[..., 1], 0, shape[1] - 1)
    good = (above[..., 0] >= 0) & usable[found[..., 0], found[..., 1]]
    match[good] = found[good]
    return match


@njit(cache=True)
def _difference(image, y, x, from_y, from_x, row_cost, limit):
    total = row_cost * (y - from_y) * (y - from_y)
    left, from_left = 3 * (x - RADIUS), 3 * (from_x - RADIUS)
    for i in range(-RADIUS, RADIUS + 1):
        if total >= limit:
            return total
        here, there = image[y + i], image[from_y + i]
        squares = np.int32(0)
        for j in range(3 * (2 * RADIUS + 1)):
            d = np.int32(here[left + j]) - np.int32(there[from_left + j])
            squares += d * d
        total += np.float32(squares)
    return total


@njit(cache=True)
def _price(image, targets, match, cost, row_cost):
    for k in range(len(targets)):
        y, x = targets[k]
        if match[y, x, 0] >= 0:
            cost[y, x] = _difference(image, y, x, match[y, x, 0], match[y, x, 1], row_cost, np.float32(np.inf))


@njit(cache=True)
def _random(state):
    state ^= (state << np.uint64(13)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    state ^= state >> np.uint64(7)
    state ^= (state << np.uint64(17)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    return state


@njit(cache=True)
def _draw(image, targets, sources, first, match, cost, row_cost, near):
    """Give patches without a source the best of a few drawn from near rows, or from all where those have none."""
    state = np.uint64(88172645463325252)
    rows = len(first) - 1
    for k in range(len(targets)):
        y, x = targets[k]
        if match[y, x, 0] >= 0:
            continue
        low, high = first[max(y - near, 0)], first[min(y + near + 1, rows)]
        if high <= low:
            low, high = 0, len(sources)
        for _ in range(TRIES):
            state = _random(state)
            pick = low + np.int64(state % np.uint64(high - low))
            price = _difference(image, y, x, sources[pick, 0], sources[pick, 1], row_cost, cost[y, x])
            if price < cost[y, x]:
                cost[y, x] = price
                match[y, x, 0], match[y, x, 1] = sources[pick, 0], sources[pick, 1]


@njit(cache=True)
def _try(image, usable, y, x, from_y, from_x, match, cost, row_cost):
    rows, columns = usable.shape
    if 0 <= from_y < rows and 0 <= from_x < columns and usable[from_y, from_x]:
        price = _difference(image, y, x, from_y, from_x, row_cost, cost[y, x])
        if price < cost[y, x]:
            cost[y, x] = price
            match[y, x, 0], match[y, x, 1] = from_y, from_x


@njit(cache=True)
def _search(image, usable, wanted, targets, match, cost, row_cost, farthest, backwards, turn):
    """Improve every patch's source: by its neighbours' sources, then by drawing about its own, nearer and nearer."""
    state = np.uint64(2463534242 + 7919 * turn)
    step = 1 if backwards else -1
    for n in range(len(targets)):
        y, x = targets[len(targets) - 1 - n] if backwards else targets[n]
        if wanted[y + step, x] and match[y + step, x, 0] >= 0:
            _try(image, usable, y, x, match[y + step, x, 0] - step, match[y + step, x, 1], match, cost, row_cost)
        if wanted[y, x + step] and match[y, x + step, 0] >= 0:
            _try(image, usable, y, x, match[y, x + step, 0], match[y, x + step, 1] - step, match, cost, row_cost)
        reach = farthest
        while reach >= 1:
            state = _random(state)
            from_y = match[y, x, 0] + np.int64(state % np.uint64(2 * reach + 1)) - reach
            state = _random(state)
            from_x = match[y, x, 1] + np.int64(state % np.uint64(2 * reach + 1)) - reach
            _try(image, usable, y, x, from_y, from_x, match, cost, row_cost)
            reach //= 2


@njit(cache=True)
def _vote(image, hole, wanted, match, cost):
    """Return the image with every pixel of the hole as the best of the patches about it has it."""
    voted = image.copy()
    rows, columns = hole.shape
    for y in range(rows):
        for x in range(columns):
            if not hole[y, x]:
                continue
            best, from_y, from_x = np.float32(np.inf), -1, -1
            for i in range(max(y - RADIUS, 0), min(y + RADIUS + 1, rows)):
                for j in range(max(x - RADIUS, 0), min(x + RADIUS + 1, columns)):
                    if wanted[i, j] and cost[i, j] < best:
                        best = cost[i, j]
                        from_y, from_x = match[i, j, 0] + y - i, match[i, j, 1] + x - j
            if from_y >= 0:
                for c in range(3):
                    voted[y, 3 * x + c] = image[from_y, 3 * from_x + c]
    return voted
