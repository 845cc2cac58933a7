"""The check on invented boxes: who is blamed, and who is not."""

import numpy as np
import pytest

from tests.contract.test_detectors import image_row
from throng.detectors.protocol import Found, Photograph
from throng.removers.check import Checker, Edited, Verdict
from throng.sections.detectors import Ultralytics
from throng.sections.remove import Check
from throng.tables.detections import Detection

CHECK = Check(detectors=[Ultralytics(model="any.onnx")])
SIZE = (100, 200)
Box = tuple[float, float, float, float]
LEFT, MIDDLE, RIGHT = (10.0, 20.0, 20.0, 60.0), (80.0, 20.0, 20.0, 60.0), (150.0, 20.0, 20.0, 60.0)


def people(*boxes: Box) -> list[Detection]:
    return [Detection(x=x, y=y, w=w, h=h, score=0.9, mask=None) for x, y, w, h in boxes]


class Scripted:
    """A detector that answers from a list, whatever it is shown."""

    reads_pixels, model = True, None

    def __init__(self, *answers: Found, batch: int = 2) -> None:
        self.batch, self.shown, self._answers = batch, [], list(answers)

    def prepare(self, photograph: Photograph) -> Photograph:
        return photograph

    def detect(self, photographs) -> list[Found]:
        self.shown.append(len(photographs))
        return [self._answers.pop(0) for _ in photographs]


def judged(
    before: list[Box], after: list[Box], *, removed: list[int], recipe: str = "chain", check=CHECK, wide: bool = False
) -> Verdict:
    """Judge an edit of three people that painted over the removed ones' boxes, and a sham's or ``wide`` area."""
    mask = np.zeros(SIZE, bool)
    for index in removed:
        x, y, w, h = (int(value) for value in (LEFT, MIDDLE, RIGHT)[index])
        mask[y : y + h, x : x + w] = True
    if recipe == "sham" or wide:
        mask[20:80, 110:130] = True
    checker = Checker(check, [Scripted(Found(people(*before)), Found(people(*after)))])
    row = image_row(*SIZE, "p")
    looks = checker.look(row, [np.zeros((*SIZE, 3), np.uint8)] * 2)
    return checker.judge(Edited(recipe, people(LEFT, MIDDLE, RIGHT), removed, mask), *looks)


def test_a_clean_removal_passes():
    verdict = judged([LEFT, MIDDLE, RIGHT], [LEFT, RIGHT], removed=[1])
    assert verdict == Verdict(3, 2, 0, 0, 0, "")


@pytest.mark.parametrize(
    "still", [MIDDLE, (80.0, 50.0, 20.0, 30.0), (74.0, 15.0, 30.0, 70.0), (82.0, 20.0, 10.0, 15.0)]
)
def test_whoever_is_still_seen_in_whole_or_in_part_where_one_was_removed_is_residual(still):
    verdict = judged([LEFT, MIDDLE, RIGHT], [LEFT, still, RIGHT], removed=[1])
    assert (verdict.residual, verdict.fault) == (1, "residual: 1 still seen where 1 were removed")


def test_who_stays_explains_a_box_beside_a_removed_person():
    beside = (92.0, 20.0, 20.0, 60.0)
    checker = Checker(CHECK, [])
    mask = np.zeros(SIZE, bool)
    mask[20:80, 80:92] = True
    edited = Edited("chain", people(MIDDLE, beside), [0], mask)
    before = [np.array([[80.0, 20, 100, 80], [92, 20, 112, 80]])]
    after = [np.array([[89.0, 20, 112, 80]])]
    assert checker.judge(edited, before, after).fault == ""


def test_somebody_seen_anew_where_pixels_changed_is_hallucinated():
    verdict = judged([LEFT, MIDDLE, RIGHT], [LEFT, MIDDLE, RIGHT, (110.0, 20.0, 20.0, 60.0)], removed=[], recipe="sham")
    assert (verdict.hallucinated, verdict.fault) == (1, "hallucinated: 1 seen where nobody was")


def test_somebody_seen_anew_where_no_pixel_changed_is_a_wavering_detector():
    verdict = judged([LEFT, MIDDLE], [LEFT, RIGHT, (120.0, 10.0, 8.0, 20.0)], removed=[1])
    assert verdict == Verdict(2, 3, 0, 0, 0, "")


def test_a_thing_taken_for_a_person_before_and_after_is_nobodys_fault():
    thing = (104.0, 15.0, 22.0, 66.0)
    verdict = judged([LEFT, thing], [LEFT, thing], removed=[], recipe="sham")
    assert verdict == Verdict(2, 2, 0, 0, 0, "")


def test_somebody_whom_detection_missed_and_a_sham_paints_over_fails_it_but_a_chain_only_says_so():
    missed = (111.0, 20.0, 18.0, 60.0)
    verdict = judged([LEFT, missed], [LEFT], removed=[], recipe="sham")
    assert (verdict.lost, verdict.fault) == (1, "lost: 1 seen before, though not by detect, were painted over")
    assert judged([LEFT, missed], [LEFT], removed=[1], wide=True) == Verdict(2, 1, 0, 0, 1, "")


def test_some_hallucinations_may_be_forgiven():
    lenient = CHECK.model_copy(update={"max_hallucinated": 1})
    verdict = judged([LEFT], [LEFT, (110.0, 20.0, 20.0, 60.0)], removed=[], recipe="sham", check=lenient)
    assert (verdict.hallucinated, verdict.fault) == (1, "")


def test_either_of_two_detectors_may_find_a_fault_and_the_first_one_counts():
    row, image = image_row(*SIZE, "p"), np.zeros((*SIZE, 3), np.uint8)
    blind = Scripted(Found(people(LEFT, MIDDLE)), Found(people(LEFT)))
    sharp = Scripted(Found(people(LEFT, MIDDLE, RIGHT)), Found(people(LEFT, MIDDLE)))
    checker = Checker(CHECK, [blind, sharp])
    before, after = checker.look(row, [image, image])
    mask = np.zeros(SIZE, bool)
    mask[20:80, 80:100] = True
    verdict = checker.judge(Edited("chain", people(LEFT, MIDDLE, RIGHT), [1], mask), before, after)
    assert verdict == Verdict(2, 1, 1, 0, 0, "residual: 1 still seen where 1 were removed")


def test_a_detector_without_an_answer_fails_the_edit():
    checker = Checker(CHECK, [Scripted(Found([]), Found([], "cap: 3000 people"))])
    before, after = checker.look(image_row(*SIZE, "p"), [np.zeros((*SIZE, 3), np.uint8)] * 2)
    verdict = checker.judge(Edited("chain", people(LEFT), [0], np.zeros(SIZE, bool)), before, after)
    assert verdict.fault == "unchecked: the detector has no answer (cap: 3000 people)"


def test_whole_images_are_judged_by_count():
    two, three = np.zeros((2, 4)), np.zeros((3, 4))
    checker = Checker(CHECK, [])
    reduce, enlarge = Edited("reduce", [], [], None), Edited("enlarge", [], [], None)
    assert checker.judge(reduce, [three], [two]) == Verdict(3, 2)
    assert checker.judge(reduce, [two], [two]).fault == "not fewer: 2 seen, 2 before"
    assert checker.judge(enlarge, [two], [three]) == Verdict(2, 3)
    assert checker.judge(enlarge, [three], [two]).fault == "not more: 2 seen, 3 before"


def test_images_are_shown_in_batches_of_the_detectors_own_size():
    detector = Scripted(*[Found([])] * 5, batch=2)
    checker = Checker(CHECK, [detector])
    looks = checker.look(image_row(*SIZE, "p"), [np.zeros((*SIZE, 3), np.uint8)] * 5)
    assert detector.shown == [2, 2, 1]
    assert [len(look) for look in looks] == [1] * 5
