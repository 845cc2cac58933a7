"""Rendered crowd scenes: one camera and background per scene, other people in every frame, exact truth for each.

Everything is a function of (dataset seed, scene index, frame index, count, size): equal arguments give equal bytes.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from throng.errors import ThrongError
from throng.render import compose
from throng.render.background import Walls, paint, plant_trees
from throng.render.camera import Camera, Ground, visible_area
from throng.render.figure import STANDING, WALKING
from throng.render.light import Light, draw_light
from throng.render.placement import Flows, Places, draw_flows, place
from throng.render.sprites import ELEVATIONS, VARIANTS, YAWS, Sprite, level_for, sprite
from throng.render.wardrobe import BRONZE, draw_colours
from throng.seeds import generator

STAGE = "render"
SMALLEST_SIDE = 64
GRAIN = 1 << 20
SHADOW_LEVEL = 2
TRUNK_M = 1.0
HEAD_SHARE = 0.25
BODY_SHARE = 0.25
HIDDEN_OF = 12
CROWDS = 5
MORE_THAN_LACKING = 1.15  # of those who are added, more are hidden than of those before


@dataclass(frozen=True)
class Scene:
    """A place without people.

    ``picture`` is (H, W, 3) float32 before tone, blur and noise, ``is_ground`` (H, W) bool shows where it is ground;
    ``lookalikes`` (K, 4) int64 boxes x, y, w, h of statues: things like people that no one counts.
    """

    seed: int
    index: int
    camera: Camera
    ground: Ground
    light: Light
    flows: Flows
    nearest_m: float
    picture: np.ndarray
    is_ground: np.ndarray
    lookalikes: np.ndarray

    @property
    def name(self) -> str:
        """Return the scene's name, unique within a dataset seed."""
        return f"scene-{self.index:05d}"


@dataclass(frozen=True)
class People:
    """Truth of N people, nearest first; row i is ``i + 1`` in the instance map.

    Boxes are x, y, w, h int64 in pixels, bounding boxes of pixels with coverage of at least one half: ``full_box`` and
    ``head_box`` as if nobody stood in front and the image had no edge, ``visible_box`` of the instance map (zeros when
    nothing is seen). ``head_point`` is the projected centre of the skull, float64 x, y. Shares are seen pixels over all
    pixels of the whole body and of the head; a head too small to cover half a pixel gets the pixel of its point as box
    and the body's share. ``counted`` says whether a careful annotator would mark the person: the head point is inside
    the image and at least a quarter of the head or a quarter of the body is seen. ``ground_m`` is X, Z of the body's
    axis on the ground and ``stature_m`` the height, metres.
    """

    head_point: np.ndarray
    head_box: np.ndarray
    full_box: np.ndarray
    visible_box: np.ndarray
    visible_pixels: np.ndarray
    visible_share: np.ndarray
    head_share: np.ndarray
    counted: np.ndarray
    ground_m: np.ndarray
    stature_m: np.ndarray

    def __len__(self) -> int:
        return len(self.stature_m)


@dataclass(frozen=True)
class Frame:
    """A rendered image with its truth.

    ``image`` (H, W, 3) uint8 RGB; ``clean`` the same before sensor noise; ``instances`` (H, W) int32, 0 = nobody.
    ``persons_per_m2`` is the number of people whose ground position lies in the visible walkable ground (between the
    lower edge of the image, its sides, the walls and ``ground.far_m``) over that ground's area, seen or hidden.
    """

    scene: Scene
    index: int
    image: np.ndarray
    clean: np.ndarray
    instances: np.ndarray
    people: People
    persons_per_m2: float

    @property
    def camera(self) -> Camera:
        """Return the scene's camera."""
        return self.scene.camera

    @property
    def count(self) -> int:
        """Return the number of people that a careful annotator would mark."""
        return int(self.people.counted.sum())


@lru_cache(maxsize=4)
def make_scene(seed: int, index: int, width: int, height: int) -> Scene:
    """Return scene ``index`` of a dataset seed for images of ``width`` x ``height`` pixels, sides of 64 or more."""
    if min(width, height) < SMALLEST_SIDE:
        raise ThrongError(f"a rendered image of {width}x{height} pixels is too small: both sides need {SMALLEST_SIDE}")
    rng = generator(seed, STAGE, f"scene-{index}")
    camera = _draw_camera(rng, width, height)
    ground, walls = _draw_place(rng, camera)
    nearest = max(camera.focal_px * 1.75 / (0.72 * height), 1.2 * (camera.height_m - 1.6))
    light = draw_light(rng)
    flows = draw_flows(camera, ground, nearest, rng)
    picture, is_ground = paint(camera, light, walls, rng)
    trees = rng.uniform(ground.far_m + 0.5, walls.back_m - 0.5, int(rng.integers(0, 7)))
    plant_trees(picture, camera, light, walls, trees, rng)
    lookalikes = _raise_statues(picture, camera, ground, walls, light, rng)
    for array in (picture, is_ground, lookalikes):
        array.setflags(write=False)
    return Scene(seed, index, camera, ground, light, flows, nearest, picture, is_ground, lookalikes)


def make_place(seed: int, index: int, width: int, height: int) -> tuple[Camera, Ground]:
    """Return camera and walkable ground of the scene that :func:`make_scene` gives, without painting anything."""
    rng = generator(seed, STAGE, f"scene-{index}")
    camera = _draw_camera(rng, width, height)
    return camera, _draw_place(rng, camera)[0]


def render_frame(scene: Scene, frame_index: int, count: int) -> Frame:
    """Render frame ``frame_index`` of a scene with ``count`` people in it; raises ThrongError where they cannot fit.

    All ``count`` people have their head's centre inside the image; ``Frame.count`` leaves out those hidden by others.
    """
    return _frame(scene, frame_index, _gather(scene, frame_index, count))


def render_counted(scene: Scene, frame_index: int, count: int) -> Frame:
    """Render frame ``frame_index`` of a scene with exactly ``count`` people, all of whom an annotator would mark.

    A larger crowd is placed, those whom others hide stay away, and of the rest ``count`` are drawn: with fewer people
    in front nobody who was seen is hidden. Raises ThrongError where so many cannot be seen.
    """
    asked, seen = count + count // HIDDEN_OF, np.zeros(0, np.int64)
    for _ in range(CROWDS):
        crowd = _gather(scene, frame_index, asked)
        seen = np.flatnonzero(_counted(scene, crowd))
        if len(seen) >= count:
            rng = generator(scene.seed, STAGE, f"scene-{scene.index}/chosen-{frame_index}")
            return _frame(scene, frame_index, _some(crowd, np.sort(rng.choice(seen, count, replace=False))))
        asked = math.ceil(MORE_THAN_LACKING * asked * count / max(len(seen), 1)) + 1
    raise ThrongError(
        f"only {len(seen)} of {count} people can be seen at once in a {scene.camera.width}x{scene.camera.height} "
        f"scene: ask for fewer people or a larger image"
    )


def _frame(scene: Scene, frame_index: int, crowd: "_Crowd") -> Frame:
    layers = _draw(scene, crowd, range(len(crowd.choices)))
    clean = _develop(scene, layers.canvas, layers.through, layers.shadow)
    people = _truth(crowd.places, layers.heads, layers.statistics, clean.shape[:2])
    return Frame(
        scene,
        frame_index,
        _noisy(scene, clean, frame_index),
        clean,
        layers.instances,
        people,
        _density(scene, crowd.places),
    )


def render_without(scene: Scene, frame_index: int, count: int, gone: Collection[int]) -> np.ndarray:
    """Render frame ``frame_index`` of ``count`` people as it would be if those in ``gone`` had stayed away.

    ``gone`` indexes the rows of the frame's :class:`People`. Everybody else, the noise and the shadows of who stays are
    the frame's own. Returns (H, W, 3) uint8; raises ThrongError when somebody in ``gone`` is not in the frame.
    """
    missing = set(gone)
    if missing and not 0 <= min(missing) <= max(missing) < count:
        raise ThrongError(f"cannot leave out {sorted(missing)}: the frame has people 0 to {count - 1}")
    layers = _draw(scene, _gather(scene, frame_index, count), [n for n in range(count) if n not in missing])
    return _noisy(scene, _develop(scene, layers.canvas, layers.through, layers.shadow), frame_index)


def render_background(scene: Scene, frame_index: int | None = None) -> np.ndarray:
    """Return the empty scene, (H, W, 3) uint8: before sensor noise, or with the noise of frame ``frame_index``."""
    shape = scene.is_ground.shape
    clean = _develop(scene, np.zeros((*shape, 3), np.float32), np.ones(shape, np.float32), np.zeros(shape, np.float32))
    return clean if frame_index is None else _noisy(scene, clean, frame_index)


@dataclass(frozen=True)
class _Crowd:
    """Who is in a frame, nearest first: where, in which colours, and which poses."""

    places: Places
    colours: np.ndarray
    choices: np.ndarray


@dataclass(frozen=True)
class _Layers:
    """What drawing people leaves: their light, how much shows through, shadows, and the truth per person."""

    canvas: np.ndarray
    through: np.ndarray
    shadow: np.ndarray
    instances: np.ndarray
    statistics: np.ndarray
    heads: np.ndarray


def _gather(scene: Scene, frame_index: int, count: int) -> _Crowd:
    if count < 0:
        raise ThrongError(f"a frame cannot have {count} people: the count must be 0 or more")
    rng = generator(scene.seed, STAGE, f"scene-{scene.index}/frame-{frame_index}")
    places = place(scene.camera, scene.ground, scene.flows, scene.nearest_m, count, rng)
    order = np.argsort(places.ground_m[:, 1], kind="stable")
    places = Places(places.ground_m[order], places.heading[order], places.walking[order], places.stature_m[order])
    colours = draw_colours(count, rng)
    return _Crowd(places, colours, rng.integers(0, 1 << 16, (count, 3)))


def _some(crowd: _Crowd, chosen: np.ndarray) -> _Crowd:
    places = crowd.places
    standing = Places(places.ground_m[chosen], places.heading[chosen], places.walking[chosen], places.stature_m[chosen])
    return _Crowd(standing, crowd.colours[chosen], crowd.choices[chosen])


def _counted(scene: Scene, crowd: _Crowd) -> np.ndarray:
    """Tell of each person whether an annotator would mark it, without painting: nothing shows through, so no light."""
    count, shape = len(crowd.choices), (scene.camera.height, scene.camera.width)
    canvas, opaque = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    instances = np.zeros(shape, np.int32)
    statistics, heads = _new_statistics(count), np.zeros((count, 2))
    for person in range(count):
        heads[person] = _stand(scene, crowd, person, canvas, opaque, instances, statistics[person])
    return _truth(crowd.places, heads, statistics, shape).counted


def _new_statistics(count: int) -> np.ndarray:
    return np.array([compose.new_statistics() for _ in range(count)]).reshape(count, compose.STATISTICS)


def _draw(scene: Scene, crowd: _Crowd, present: Iterable[int]) -> _Layers:
    count, shape = len(crowd.choices), (scene.camera.height, scene.camera.width)
    canvas, through = np.zeros((*shape, 3), np.float32), np.ones(shape, np.float32)
    shadow, instances = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    statistics, heads = _new_statistics(count), np.zeros((count, 2))
    for person in present:
        heads[person] = _stand(scene, crowd, person, canvas, through, instances, statistics[person])
        _shade(scene, crowd, person, shadow)
    return _Layers(canvas, through, shadow, instances, statistics, heads)


def _draw_camera(rng: np.random.Generator, width: int, height: int) -> Camera:
    focal = max(width, height) * rng.uniform(0.75, 1.25)
    lens_height = float(np.exp(rng.uniform(np.log(2.4), np.log(7.5))))
    horizon = height * rng.uniform(0.14, 0.36)
    return Camera(lens_height, float(focal), float(horizon), width, height)


def _draw_place(rng: np.random.Generator, camera: Camera) -> tuple[Ground, Walls]:
    smallest = rng.uniform(0.05, 0.1) * camera.height
    far = max(camera.focal_px * 1.75 / smallest, 2.0 * camera.near_m)
    back = far + rng.uniform(3, 9)
    if rng.random() < 0.5:
        left, right = -rng.uniform(3.5, 9), rng.uniform(3.5, 9)
        return Ground(left + 0.4, right - 0.4, far), Walls(left, right, far * rng.uniform(1.5, 2.4))
    return Ground(-80.0, 80.0, far), Walls(-90.0, 90.0, back)


def _raise_statues(
    picture: np.ndarray, camera: Camera, ground: Ground, walls: Walls, light: Light, rng: np.random.Generator
) -> np.ndarray:
    boxes = []
    for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.3, 0.1]))):
        depth = rng.uniform(ground.far_m + 0.8, min(walls.back_m - 0.8, ground.far_m + 8))
        half = min(float(camera.half_width_m(depth)) * 0.85, 0.8 * walls.right_m, -0.8 * walls.left_m)
        foot = camera.project(np.array([[rng.uniform(-half, half), 0.0, depth]]))[0]
        boxes.append(_statue(picture, camera, light, foot, depth, int(rng.integers(len(STANDING)))))
    return np.array(boxes, np.int64).reshape(-1, 4)


def _statue(
    picture: np.ndarray, camera: Camera, light: Light, foot: np.ndarray, depth: float, pose: int
) -> tuple[int, int, int, int]:
    scale = camera.focal_px / depth
    clear = float(np.exp(-depth / light.haze_m))
    stone = np.array([150.0, 146.0, 138.0]) * (light.ambient + 0.4 * light.sun) * clear
    corner, opposite = foot - np.array((0.55 * scale, 1.5 * scale)), foot + np.array((0.55 * scale, 0))
    first, last = np.rint(corner).astype(int).tolist(), np.rint(opposite).astype(int).tolist()
    cv2.rectangle(picture, first, last, tuple(stone + np.array(light.haze_colour) * (1 - clear)), -1)
    stature = 2.3 * scale
    model = sprite(STANDING[pose], 0, 0, 0, level_for(stature))
    shape = picture.shape[:2]
    canvas, through, ids = np.zeros(picture.shape, np.float32), np.ones(shape, np.float32), np.zeros(shape, np.int32)
    row = compose.new_statistics()
    _paste(canvas, through, ids, 1, model, foot[0], foot[1] - 1.5 * scale, stature, False, BRONZE, light, clear, row)
    picture *= through[..., None]
    picture += canvas
    return _box(row, compose.SEEN_LEFT)


def _paste(
    canvas: np.ndarray, through: np.ndarray, ids: np.ndarray, person: int, model: Sprite, x: float, y: float,
    stature: float, mirror: bool, colours: np.ndarray, light: Light, clear: float, statistics: np.ndarray,
) -> None:  # fmt: skip
    beams = np.array([light.ambient, light.sun, *light.towards_sun])
    compose.paste(
        canvas, through, ids, person, model.coverage, model.head, model.features, model.anchor_x, model.anchor_y,
        x, y, stature / model.stature, mirror, colours, beams, np.array(light.haze_colour), clear, statistics,
    )  # fmt: skip


def _stand(
    scene: Scene, crowd: _Crowd, person: int, canvas: np.ndarray, through: np.ndarray, instances: np.ndarray,
    statistics: np.ndarray,
) -> tuple[float, float]:  # fmt: skip
    """Draw one person behind those drawn before, and return the head point."""
    camera, light = scene.camera, scene.light
    x, z = crowd.places.ground_m[person]
    stature = camera.focal_px * crowd.places.stature_m[person] / z
    key, mirror = _pick(scene, crowd, person)
    model = sprite(*key, level_for(stature))
    column, row = camera.centre_px + camera.focal_px * x / z, camera.horizon_px + camera.focal_px * camera.height_m / z
    _paste(
        canvas, through, instances, person + 1, model, column, row, stature, mirror, crowd.colours[person], light,
        float(np.exp(-z / light.haze_m)), statistics,
    )  # fmt: skip
    scale = stature / model.stature
    aside = (model.head_x - model.anchor_x) * scale
    return column + (-aside if mirror else aside), row + (model.head_y - model.anchor_y) * scale


def _shade(scene: Scene, crowd: _Crowd, person: int, shadow: np.ndarray) -> None:
    """Cast the shadow of one person."""
    camera, light = scene.camera, scene.light
    x, z = crowd.places.ground_m[person]
    key, mirror = _pick(scene, crowd, person)
    silhouette = sprite(*key, SHADOW_LEVEL)
    compose.cast_shadow(
        shadow, silhouette.coverage, silhouette.anchor_x, silhouette.anchor_y,
        silhouette.stature / crowd.places.stature_m[person], mirror, x, z, light.shadow_x, light.shadow_z,
        light.shadow_strength, 0.5, camera.height_m, camera.focal_px, camera.horizon_px, camera.centre_px,
    )  # fmt: skip


def _pick(scene: Scene, crowd: _Crowd, person: int) -> tuple[tuple[str, int, int, int], bool]:
    """Return the sprite's key and whether to mirror it: turn against the line of sight, angle looked down."""
    camera, choice = scene.camera, crowd.choices[person]
    x, z = crowd.places.ground_m[person]
    turn = (crowd.places.heading[person] + np.arctan2(x, z) + np.pi) % (2 * np.pi) - np.pi
    yaw = int(np.argmin(np.abs(np.array(YAWS) - abs(np.degrees(turn)))))
    mirror = bool(turn < 0)
    if yaw in (0, len(YAWS) - 1):
        mirror = bool(choice[2] & 1)
    elevation = int(np.argmin(np.abs(np.array(ELEVATIONS) - (camera.height_m - TRUNK_M) / z)))
    poses = WALKING if crowd.places.walking[person] else STANDING
    return (poses[int(choice[0]) % len(poses)], yaw, elevation, int(choice[1]) % VARIANTS), mirror


def _develop(scene: Scene, canvas: np.ndarray, through: np.ndarray, shadow: np.ndarray) -> np.ndarray:
    light = scene.light
    clean = compose.develop(
        canvas, through, scene.picture, shadow, scene.is_ground, np.array(light.tint), light.contrast, light.vignette
    )
    return cv2.GaussianBlur(clean, (3, 3), light.blur_px)


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    return generator(0, STAGE, "grain").standard_normal(GRAIN, dtype=np.float32)


def _noisy(scene: Scene, clean: np.ndarray, frame_index: int) -> np.ndarray:
    rng = generator(scene.seed, STAGE, f"scene-{scene.index}/noise-{frame_index}")
    starts = rng.integers(0, GRAIN - clean.shape[1] * 3, clean.shape[0])
    sigma = (scene.light.noise * np.sqrt(0.25 + np.arange(256) / 340)).astype(np.float32)
    return compose.add_noise(clean, _grain(), starts, sigma)


def _box(statistics: np.ndarray, first: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = (int(v) for v in statistics[first : first + 4])
    return (left, top, right - left + 1, bottom - top + 1) if right >= left else (0, 0, 0, 0)


def _truth(places: Places, heads: np.ndarray, statistics: np.ndarray, shape: tuple[int, int]) -> People:
    def boxes(first: int) -> np.ndarray:
        return np.array([_box(row, first) for row in statistics], np.int64).reshape(-1, 4)

    visible = statistics[:, compose.SEEN_PIXELS]
    share = visible / np.maximum(statistics[:, compose.FULL_PIXELS], 1)
    head_share = statistics[:, compose.HEAD_SEEN] / np.maximum(statistics[:, compose.HEAD_PIXELS], 1)
    inside = np.all((heads >= -0.5) & (heads < np.array(shape[::-1]) - 0.5), axis=1)
    head_boxes = boxes(compose.HEAD_LEFT)
    for person in np.flatnonzero(statistics[:, compose.HEAD_PIXELS] == 0):
        column, row = np.rint(heads[person]).astype(int)
        head_boxes[person] = column, row, 1, 1
        head_share[person] = share[person]
    return People(
        head_point=heads,
        head_box=head_boxes,
        full_box=boxes(compose.FULL_LEFT),
        visible_box=boxes(compose.SEEN_LEFT),
        visible_pixels=visible,
        visible_share=share,
        head_share=head_share,
        counted=inside & ((head_share >= HEAD_SHARE) | (share >= BODY_SHARE)),
        ground_m=places.ground_m,
        stature_m=places.stature_m,
    )


def _density(scene: Scene, places: Places) -> float:
    x, z = places.ground_m[:, 0], places.ground_m[:, 1]
    camera, ground = scene.camera, scene.ground
    inside = (z >= camera.near_m) & (z <= ground.far_m) & (np.abs(x) <= camera.half_width_m(z))
    inside &= (x >= ground.left_m) & (x <= ground.right_m)
    return float(inside.sum() / visible_area(camera, ground))
