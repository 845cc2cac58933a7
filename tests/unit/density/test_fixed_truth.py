"""Whether the labellers of the mode fixed tell the truth: rank correlation with rendered crowds known to the metre."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from throng.density.crowd import Crowd
from throng.density.fixed import METHODS
from throng.density.ground import Ground
from throng.density.labels import label
from throng.errors import ThrongError
from throng.render.scene import Frame, make_scene, render_frame

pytestmark = pytest.mark.slow
SEED, SCENES = 12, 200
WIDTH, HEIGHT = 480, 360
NEAR_M = 2.0


@dataclasses.dataclass(frozen=True)
class Labelled:
    """A method's scores and classes of all scenes."""

    scores: list[float]
    classes: list[int]


def frames() -> list[Frame]:
    rng, found = np.random.default_rng(SEED), []
    for index in range(SCENES):
        people = int(np.exp(rng.uniform(np.log(2), np.log(300))))
        scene = make_scene(SEED, index, WIDTH, HEIGHT)
        while True:
            try:
                found.append(render_frame(scene, 0, people))
                break
            except ThrongError:
                people //= 2
    return found


def crowd_of(frame: Frame) -> Crowd:
    """Return who an annotator would mark, by their full boxes, on the true ground."""
    people, camera = frame.people, frame.camera
    box = people.full_box[people.counted].astype(float)
    feet = np.stack([box[:, 0] + box[:, 2] / 2 - 0.5, box[:, 1] + box[:, 3] - 0.5], 1)
    height, focal = camera.height_m, camera.focal_px
    ground = Ground(camera.horizon_px, camera.centre_px, height, focal, (height, height), (focal, focal))
    return Crowd(WIDTH, HEIGHT, frame.count, people.head_point[people.counted], feet, box[:, 3], "full-boxes", ground)


def neighbours(frame: Frame) -> float:
    """Return how many others stand within 2 m of a person, on average, seen or hidden."""
    apart = cdist(frame.people.ground_m, frame.people.ground_m)
    return float((apart <= NEAR_M).sum(1).mean() - 1)


@pytest.fixture(scope="module")
def rendered() -> list[Frame]:
    return frames()


@pytest.fixture(scope="module")
def labelled(rendered: list[Frame]) -> dict[str, Labelled]:
    crowds = [crowd_of(frame) for frame in rendered]
    counts = sorted(crowd.count for crowd in crowds)
    found = {}
    for method in METHODS:
        said = [label(method, "fixed", crowd, None, counts, None, None) for crowd in crowds]
        found[method] = Labelled(
            [m.score for m, _ in said if m.score is not None], [c for _, c in said if c is not None]
        )
    return found


@pytest.mark.parametrize(
    ("method", "least"),
    [("threshold", 0.9), ("euclidean", 0.92), ("grid", 0.95), ("grid-metres", 0.97), ("kde", 0.96)],
)
def test_scores_rank_scenes_as_the_neighbours_within_2_m(
    rendered: list[Frame], labelled: dict[str, Labelled], method: str, least: float
):
    found = spearmanr(labelled[method].scores, [neighbours(frame) for frame in rendered]).statistic
    assert float(found) > least


@pytest.mark.parametrize("method", METHODS)
def test_scores_rank_scenes_as_people_per_square_metre(
    rendered: list[Frame], labelled: dict[str, Labelled], method: str
):
    found = spearmanr(labelled[method].scores, [frame.persons_per_m2 for frame in rendered]).statistic
    assert float(found) > 0.87


@pytest.mark.parametrize("method", METHODS)
def test_every_class_is_reached_by_rendered_scenes(labelled: dict[str, Labelled], method: str):
    assert len(labelled[method].scores) == SCENES
    assert set(labelled[method].classes) == {0, 1, 2}
