"""Drawings over an image: who was taken to stand where, cells and their components, the density on the ground."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from throng.density.crowd import Crowd
from throng.density.grid import Cells
from throng.density.kde import Field

LARGEST = 2.0  # small images are enlarged so much at most
SHIFT = 4  # OpenCV's fixed-point bits for parts of a pixel
OPAQUE = 0.5
DENSEST = 0.8
FULLEST = 64.0
HEAD, BODY, HORIZON, INK = (255, 209, 63), (64, 224, 255), (255, 64, 129), (16, 20, 24)
OUTLINES = ((255, 255, 255), (255, 160, 60), (110, 220, 255), (255, 120, 190), (170, 255, 120), (200, 170, 255))
Colour = tuple[int, int, int]


class Sheet:
    """An image at the size that it is shown at, to draw on in the image's own pixels."""

    def __init__(self, image: np.ndarray, width: int) -> None:
        """Take an (H, W, 3) uint8 RGB image and the most pixels across that it may be shown with."""
        self.scale = min(width / image.shape[1], LARGEST)
        size = max(1, round(image.shape[1] * self.scale)), max(1, round(image.shape[0] * self.scale))
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_CUBIC
        self.pixels = np.ascontiguousarray(cv2.resize(image, size, interpolation=how))

    def polygon(self, corners: np.ndarray) -> np.ndarray | None:
        """Return the part of a convex (4, 2) polygon on and just around the sheet in fixed point, None outside it."""
        height, width = self.pixels.shape[:2]
        around = np.array([(-9, -9), (width + 9, -9), (width + 9, height + 9), (-9, height + 9)], np.float32)
        area, points = cv2.intersectConvexConvex(self.places(corners).astype(np.float32), around)
        return np.rint(points.reshape(-1, 2) * 2**SHIFT).astype(np.int32) if area > 0 and points is not None else None

    def places(self, points: np.ndarray) -> np.ndarray:
        """Return (N, 2) pixels of the sheet of (N, 2) pixels of the image."""
        return (np.asarray(points, np.float64) + 0.5) * self.scale - 0.5

    def line(self, start: np.ndarray, end: np.ndarray, colour: Colour, thickness: int = 1) -> None:
        """Draw a line between two points of the image."""
        first, last = (_fixed(self.places(point)) for point in (start, end))
        cv2.line(self.pixels, first, last, colour, thickness, cv2.LINE_AA, SHIFT)

    def dot(self, point: np.ndarray, radius: float, colour: Colour) -> None:
        """Draw a filled dot, its radius in pixels of the sheet, edged dark so that it shows on any ground."""
        place, size = _fixed(self.places(point)), round(radius * 2**SHIFT)
        cv2.circle(self.pixels, place, size + (1 << SHIFT), INK, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(self.pixels, place, size, colour, -1, cv2.LINE_AA, SHIFT)


def draw_people(image: np.ndarray, crowd: Crowd, width: int) -> np.ndarray:
    """Return the image with every head point, a body from feet to crown where its height is known, and the horizon."""
    sheet = Sheet(image, width)
    if crowd.ground is not None and -0.5 <= crowd.ground.horizon < crowd.height - 0.5:
        step = max(crowd.width / 40, 1)
        for left in np.arange(0, crowd.width, step):
            row = crowd.ground.horizon
            sheet.line(np.array([left, row]), np.array([left + 0.6 * step, row]), HORIZON, 2)
    radius = 2.0 if crowd.heads is None or len(crowd.heads) < 150 else 1.0
    if crowd.feet is not None and crowd.heights is not None:
        leaning = np.zeros(len(crowd.feet))
        if crowd.ground is not None:
            leaning = crowd.ground.crowns_of(crowd.feet)[:, 0] - crowd.feet[:, 0]
        for foot, height, aside in zip(crowd.feet, crowd.heights, leaning, strict=True):
            half = np.array([height / 8, 0])
            sheet.line(foot - (-aside, height), foot, BODY)
            sheet.line(foot - half, foot + half, BODY)
    for head in crowd.heads if crowd.heads is not None else []:
        sheet.dot(head, radius, HEAD)
    return sheet.pixels


def draw_cells(image: np.ndarray, cells: Cells, width: int) -> np.ndarray:
    """Return the image with every cell in the colour of its number of people, outlined by connected component.

    Where cells overlap the fullest one shows. Outlines of one component have one colour, those of single people none.
    """
    sheet = Sheet(image, width)
    painted, covered = sheet.pixels.copy(), np.zeros(sheet.pixels.shape[:2], np.uint8)
    order = np.argsort(cells.people, kind="stable")
    polygons = {int(n): polygon for n in order if (polygon := sheet.polygon(cells.corners[n])) is not None}
    for n, polygon in polygons.items():
        cv2.fillPoly(painted, [polygon], cell_colour(int(cells.people[n])), cv2.LINE_AA, SHIFT)
        cv2.fillPoly(covered, [polygon], 255, cv2.LINE_AA, SHIFT)
    share = OPAQUE * covered[..., None].astype(np.float32) / 255
    sheet.pixels = np.rint(sheet.pixels * (1 - share) + painted * share).astype(np.uint8)
    for component in np.unique(cells.component):
        mine = [polygon for n, polygon in polygons.items() if cells.component[n] == component]
        _outline(sheet, mine, int(component))
    return sheet.pixels


def draw_density(image: np.ndarray, field: Field, top: float, width: int) -> np.ndarray:
    """Return the image under its density in people per square metre, clear where it is 0 and brightest at ``top``."""
    sheet = Sheet(image, width)
    height, across = sheet.pixels.shape[:2]
    whole = np.repeat(np.repeat(field.per_m2, field.step, 0), field.step, 1)[: image.shape[0], : image.shape[1]]
    shown = np.clip(cv2.resize(whole, (across, height), interpolation=cv2.INTER_LINEAR) / top, 0, 1)
    colours = heat(shown)
    share = (DENSEST * shown**0.6)[..., None]
    return np.rint(sheet.pixels * (1 - share) + colours * share).astype(np.uint8)


def density_top(field: Field) -> float:
    """Return where a field's scale ends: a round number above the density that 95 % of its people stand in."""
    dense, people = field.per_m2.ravel(), field.people.ravel().astype(np.float64)
    order = np.argsort(dense)
    within = np.cumsum(people[order])
    most = float(dense[order][np.searchsorted(within, 0.95 * within[-1])]) if within[-1] > 0 else 0.0
    decade = 10.0 ** math.floor(math.log10(max(most, 0.1)))
    return next(step * decade for step in (1, 2, 5, 10) if step * decade >= max(most, 0.1) * (1 - 1e-9))


def heat(values: np.ndarray) -> np.ndarray:
    """Return the colours (..., 3) uint8 RGB of densities (...) given as shares of the scale."""
    return _coloured(0.2 + 0.8 * np.asarray(values), cv2.COLORMAP_INFERNO)


def cell_colour(people: int) -> Colour:
    """Return the colour of a cell of so many people: by the logarithm, up to 64."""
    share = min(math.log2(max(people, 1)) / math.log2(FULLEST), 1.0)
    red, green, blue = _coloured(np.array([0.15 + 0.85 * share]), cv2.COLORMAP_VIRIDIS)[0]
    return int(red), int(green), int(blue)


def cell_steps(cells: Cells) -> list[int]:
    """Return the numbers of people whose colours a legend of these cells names: powers of two up to the fullest."""
    fullest = int(cells.people.max(initial=0))
    return [2**power for power in range(fullest.bit_length())]


def _coloured(values: np.ndarray, scheme: int) -> np.ndarray:
    levels = np.rint(np.asarray(values, np.float64) * 255).astype(np.uint8)
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], scheme)[:, 0, ::-1]
    return table[levels]


def _outline(sheet: Sheet, polygons: Sequence[np.ndarray], component: int) -> None:
    """Draw the outer border of the union of a component's cells, if it is of more than one person."""
    if len(polygons) < 2:
        return
    union = np.zeros(sheet.pixels.shape[:2], np.uint8)
    for polygon in polygons:
        cv2.fillPoly(union, [polygon], 255, cv2.LINE_8, SHIFT)
    borders, _ = cv2.findContours(union, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(sheet.pixels, borders, -1, OUTLINES[component % len(OUTLINES)], 1, cv2.LINE_AA)


def _fixed(place: np.ndarray) -> tuple[int, int]:
    x, y = np.rint(np.clip(place, -9999, 19999) * 2**SHIFT).astype(int).tolist()
    return x, y
