"""Making the edits of a group of photographs in waves, so that a backend that likes batches gets them.

A wave is one call of the remover with the next level of every photograph's chain and, in the first wave, whatever is
made from the photographs themselves. What fails the check, or what the remover refuses, is tried once more with another
seed, in one more call, where the remover is random. Files are encoded by threads of their own while the next call runs.
"""

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from throng.images import encode_png
from throng.removers import blend
from throng.removers.check import UNCHECKED, Checker, Edited, Look, Verdict
from throng.removers.plan import Plan, Step
from throng.removers.protocol import Remover, Request
from throng.removers.rows import Attempt, Rows
from throng.seeds import sample_seed
from throng.tables.removals import RemovalRow

TRIES = 2
Made = tuple[RemovalRow, bytes | None]


@dataclasses.dataclass(eq=False)
class Course:
    """How far the chain of one photograph has come: the image that the next level starts from."""

    plan: Plan
    base_id: str
    base: np.ndarray
    painted: np.ndarray
    seen: Look
    made: list[Future[Made]]


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """A step to make now: from which image, and the (H, W) bool area to fill, None for all of it."""

    course: Course
    step: Step
    base_id: str
    base: np.ndarray
    area: np.ndarray | None


class Editor:
    """Makes edits with one remover; ``make`` may be called from several threads."""

    def __init__(self, remover: Remover, checker: Checker | None, rows: Rows, seed: int, threads: int) -> None:
        self._remover, self._checker, self._rows, self._seed = remover, checker, rows, seed
        self._tries = TRIES if remover.random else 1
        self._turn = contextlib.nullcontext() if remover.parallel else threading.Lock()
        self._writers = ThreadPoolExecutor(max(1, threads))

    def __enter__(self) -> "Editor":
        return self

    def __exit__(self, *_: object) -> None:
        self._writers.shutdown(cancel_futures=True)

    def make(self, plans: Sequence[Plan]) -> list[Made]:
        """Return the rows of all plans, each with the file's content where there is one."""
        refused: list[Made] = [(self._rows.refused(plan), None) for plan in plans if plan.refusal]
        courses = [self._begin(plan, plan.image) for plan in plans if plan.image is not None]
        for wave in range(max((max(len(course.plan.chain), 1) for course in courses), default=0)):
            self._wave([job for course in courses for job in self._jobs(course, wave)])
        return refused + [future.result() for course in courses for future in course.made]

    def _begin(self, plan: Plan, image: np.ndarray) -> Course:
        seen = [] if self._checker is None else self._checker.look(plan.photograph, [image])[0]
        return Course(plan, plan.photograph.id, image, np.zeros(image.shape[:2], bool), seen, [])

    def _jobs(self, course: Course, wave: int) -> list[Job]:
        """Return what is to be made of a photograph in one wave; what cannot be made gets its row."""
        plan = course.plan
        jobs: list[Job] = []
        for step in plan.chain[wave : wave + 1]:
            jobs.append(Job(course, step, course.base_id, course.base, step.area(course.painted)))
        for step in plan.others if wave == 0 else ():
            jobs.append(Job(course, step, plan.photograph.id, course.base, step.area()))
        possible: list[Job] = []
        for job in jobs:
            reason = job.step.refusal
            if not reason and job.area is not None and not job.area.any():
                reason = "hidden: whoever goes at this level was painted over before"
            if reason:
                self._keep(course, self._rows.step(plan, job.step, job.base_id, reason), None)
            else:
                possible.append(job)
        return possible

    def _wave(self, jobs: Sequence[Job]) -> None:
        for number in range(1, self._tries + 1):
            failed: list[Job] = []
            for job, (edit, attempt) in zip(jobs, self._try(jobs, number), strict=True):
                if attempt.verdict.fault and number < self._tries:
                    failed.append(job)
                else:
                    self._settle(job, edit, attempt)
            jobs = failed

    def _try(self, jobs: Sequence[Job], number: int) -> list[tuple[np.ndarray | None, Attempt]]:
        """Make one edit for each job in one call of the remover, and check them photograph by photograph."""
        if not jobs:
            return []
        seeds = [self._seed_of(job, number) for job in jobs]
        requests = [Request(job.step.recipe, job.base, job.area, seed) for job, seed in zip(jobs, seeds, strict=True)]
        with self._turn:
            answers = self._remover.edit(requests)
        edits = [
            blend.laid_over(job.base, answer, job.area, job.step.weights)
            for job, answer in zip(jobs, answers, strict=True)
        ]
        verdicts = self._judge(jobs, edits)
        return [
            (edit if isinstance(edit, np.ndarray) else None, Attempt(job.base_id, seed, number, verdict))
            for job, seed, edit, verdict in zip(jobs, seeds, edits, verdicts, strict=True)
        ]

    def _seed_of(self, job: Job, number: int) -> int:
        key = f"{job.course.plan.photograph.id} {job.step.recipe} {job.step.level} {number}"
        return sample_seed(self._seed, "remove", key)

    def _judge(self, jobs: Sequence[Job], edits: Sequence[np.ndarray | str]) -> list[Verdict]:
        verdicts = [Verdict(fault=edit) if isinstance(edit, str) else UNCHECKED for edit in edits]
        if self._checker is None:
            return verdicts
        places: dict[Course, list[int]] = {}
        for place, job in enumerate(jobs):
            if isinstance(edits[place], np.ndarray):
                places.setdefault(job.course, []).append(place)
        for course, own in places.items():
            shown = [edit for place in own if isinstance(edit := edits[place], np.ndarray)]
            for place, seen in zip(own, self._checker.look(course.plan.photograph, shown), strict=True):
                step = jobs[place].step
                edited = Edited(step.recipe, course.plan.found.people, step.removed, step.area())
                verdicts[place] = self._checker.judge(edited, course.seen, seen)
        return verdicts

    def _settle(self, job: Job, edit: np.ndarray | None, attempt: Attempt) -> None:
        """Keep or reject an edit for good; the chain goes on from one that is kept."""
        course, step = job.course, job.step
        row = self._rows.tried(course.plan, step, attempt)
        if attempt.verdict.fault or edit is None:
            self._keep(course, row, None)
            return
        self._keep(course, row, edit)
        if step in course.plan.chain and step.weights is not None:
            course.base_id, course.base, course.painted = row.id, edit, step.weights > 0

    def _keep(self, course: Course, row: RemovalRow, edit: np.ndarray | None) -> None:
        course.made.append(self._writers.submit(functools.partial(self._file, row, edit)))

    def _file(self, row: RemovalRow, edit: np.ndarray | None) -> Made:
        if edit is None:
            return row, None
        content = encode_png(edit)
        return self._rows.filed(row, content, *edit.shape[:2]), content
