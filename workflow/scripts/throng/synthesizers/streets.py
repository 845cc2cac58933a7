"""Rendered streets without anybody, to paste cut-outs on: their ground plane and walkable ground are known."""

import functools

import numpy as np

from throng.render.placement import place as place_walkers
from throng.render.scene import Scene, make_scene, render_background
from throng.seeds import generator, sample_seed
from throng.synthesizers.ground import STATURE_M, GroundPlane
from throng.synthesizers.photometry import look_of
from throng.synthesizers.places import KNOWN, Background, Place, ready_background

LICENCE = "CC0-1.0"
STAGE = "synthesize/streets"
SEED = sample_seed(0, STAGE, "")  # no other rendered scene shares it, so none that is held out is drawn here
WALKERS = 60  # people whose places say where this street's people walk
PLACES_KEPT, PIXELS_KEPT = 1024, 96


class Streets:
    """So many different streets of one size in pixels, rendered when asked for."""

    def __init__(self, number: int, width: int, height: int) -> None:
        self._number, self._size = number, (width, height)
        self.place = functools.lru_cache(maxsize=PLACES_KEPT)(self._place)
        self.ready = functools.lru_cache(maxsize=PIXELS_KEPT)(self._ready)

    def __len__(self) -> int:
        return self._number

    def _place(self, index: int) -> Place:
        return street_place(make_scene(SEED, index, *self._size))

    def _ready(self, index: int) -> Background:
        pixels = render_background(make_scene(SEED, index, *self._size), 0)
        return ready_background(self.place(index), pixels, look_of(pixels))


def street_place(scene: Scene) -> Place:
    """Return where people walk in a rendered scene, and how tall they appear: its camera says so exactly.

    A person Z metres away whose feet are on row y = r + f h / Z is f s / Z pixels tall: s / h times y - r, with camera
    height h, focal length f, horizon row r and stature s.
    """
    camera = scene.camera
    rng = generator(SEED, STAGE, scene.name)
    walkers = place_walkers(camera, scene.ground, scene.flows, scene.nearest_m, WALKERS, rng).ground_m
    feet = camera.project(np.stack([walkers[:, 0], np.zeros(WALKERS), walkers[:, 1]], axis=1))
    plane = GroundPlane(STATURE_M / camera.height_m, camera.horizon_px)
    return Place(
        f"street-{scene.index:05d}", camera.width, camera.height, None, plane, KNOWN, feet, scene.is_ground, 0.0
    )
