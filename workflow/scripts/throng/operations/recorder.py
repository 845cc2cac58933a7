"""What one run of Snakemake plans and hears, kept in ``<results>/logs/run`` for who looks from outside.

Called from the Snakefile's hooks, in the process that plans and sends jobs, and in none of the processes that do them.
"""

import atexit
import contextlib
import itertools
import logging
import os
import re
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from throng.operations.closing import TAIL_BYTES, ended_badly, ended_well, measured, tail
from throng.operations.measuring import BEAT_SECONDS, measured_of
from throng.operations.plan import Failure, Plan, Planned

# of the Slurm plugin, and in every message
PHRASES = re.compile(r"For further error details see .*|Detailed failure reason unavailable \(.*?\)\.?", re.DOTALL)
CAUSE = re.compile(
    r"oom.?kill|out of memory|due to (time limit|preemption|node)|cancelled at|node failure", re.IGNORECASE
)
KILLED = re.compile(r"died with <Signals\.(\w+):")


class Recorder(logging.Handler):
    """Listens to Snakemake's events from :meth:`begin` on; :meth:`end` prints a run's last words."""

    def __init__(self, results: Path) -> None:
        super().__init__(logging.INFO)
        self.results = results
        self.plan: Plan | None = None
        self._numbers: dict[int, Planned] = {}
        self._finished: set[int] = set()
        self._failures: dict[int, list[Failure]] = {}
        self._killed = ""

    def begin(self, workflow: Any, logs: list[str], logger: logging.Logger) -> None:
        """Write what this run is going to do, and listen. A run goes on where that fails."""
        try:
            self.plan = self._planned(workflow, logs)
            self.plan.write(self.results)
        except Exception as error:
            logger.warning("throng status will not know of this run: %s: %s", type(error).__name__, error)
            return
        logger.addHandler(self)
        threading.Thread(target=self._beat, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Note a job that ended."""
        event = str(getattr(record, "event", ""))
        with contextlib.suppress(Exception):  # what is noted must not end the run that it is noted of
            if event.endswith("job_finished"):
                self._finished.add(int(record.__dict__["job_id"]))
            elif event.endswith("job_error"):
                self._hear(record.__dict__)
            elif killed := KILLED.search(record.getMessage()):  # said just before, by the thread that sent the job
                self._killed = killed[1]

    def _hear(self, said: dict[str, Any]) -> None:
        number = int(said["jobid"])
        job = self._numbers[number]
        logs = [re.sub(r" \(check log file.*\)$", "", str(name)) for name in said.get("log") or []]
        others = [name for name in logs if name != str(job.log)]
        told = said.get("rule_msg") or (f"it died of {self._killed}" if self._killed else "")
        self._killed = ""
        heard_of = [PHRASES.sub("", str(told)).strip(), *filter(None, map(cause_in, map(Path, others)))]
        failure = Failure(str(job.log), time.time(), " ".join(filter(None, heard_of)), others)
        self._failures.setdefault(number, []).append(failure)
        failure.append(self.results)

    def end(self, *, well: bool) -> None:
        """Write how the run ended, and print its last words once Snakemake has said its own."""
        if self.plan is None:
            return
        self.plan.ended, self.plan.well = time.time(), well
        with contextlib.suppress(OSError):
            self.plan.write_header(self.results)
        words = ended_well(self.plan) if well else self._bad_words(self.plan)
        atexit.register(_say, words)

    def _bad_words(self, plan: Plan) -> str:
        failed = {self._numbers[n]: list(heard) for n, heard in self._failures.items() if n not in self._finished}
        first = sorted(failed, key=lambda job: failed[job][0].when)
        return ended_badly(plan, {job: failed[job] for job in first}, len(self._finished))

    def _planned(self, workflow: Any, logs: list[str]) -> Plan:
        dag = workflow.dag
        jobs: list[Planned] = []
        for job in itertools.chain.from_iterable(dag.toposorted()):
            if not job.log:  # the rule all: it does nothing
                continue
            todo = bool(dag.needrun(job))
            wildcards = {str(name): str(value) for name, value in job.wildcards_dict.items()}
            path = Path(str(job.log[0]))
            planned = Planned(job.rule.name, wildcards, path, int(job.restart_times) + 1, todo, _forget(path, todo))
            jobs.append(planned)
            self._numbers[dag.jobid(job)] = planned
        return Plan(
            began=time.time(),
            host=socket.gethostname(),
            process=os.getpid(),
            folder=str(Path.cwd()),
            results=str(self.results),
            command=["snakemake", *sys.argv[1:]],
            logs=logs,
            targets=sorted({str(file) for job in dag.targetjobs for file in (job.output or job.input)}),
            jobs=jobs,
        )

    def _beat(self) -> None:
        header = Plan.header_of(self.results)
        while self.plan is not None and self.plan.ended is None:
            time.sleep(BEAT_SECONDS)
            with contextlib.suppress(OSError):
                os.utime(header)


def _forget(job_log: Path, todo: bool) -> float | None:
    """Return how long a job took the last time; of one that is to be done, take away that it was."""
    record = measured(job_log)
    if todo:
        measured_of(job_log).unlink(missing_ok=True)
    return record["wall_seconds"] if record and record.get("state") == "done" else None


def cause_in(log: Path) -> str:
    """Return the last line of Slurm's log that says what it did to a job: memory, time, a cancellation, its node."""
    lines = [line.strip() for line in tail(log, lines=TAIL_BYTES) if CAUSE.search(line)]
    return lines[-1] if lines else ""


def _say(words: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        print(words, file=sys.stderr, flush=True)
