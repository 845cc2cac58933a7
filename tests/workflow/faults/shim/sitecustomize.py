"""Python imports this first of all: it makes one job of the workflow meet its fault at a moment that can be told.

``THRONG_FAULTS`` is a JSON list of faults; in a process that is no job of their stage nothing happens. A fault is

- ``stage``, ``attempt``: whose, and which of its attempts;
- ``kind``: a signal's name, ``memory`` (no more of it can be had from then on), ``clock`` (the node's clock is wrong
  by ``seconds``, and so are the times of the files that the job wrote) or ``none``;
- ``commits``: after that many renames of finished rows, checkpoints or shards into place, ``after``: seconds after the
  job began, both at the latest before the first output appears; ``outputs``: before that output appears.

What happened is appended to the file ``THRONG_FAULTS_LOG``, a JSON record a line.
"""

import atexit
import json
import os
import re
import resource
import signal
import sys
import threading
import time
from pathlib import Path

FAULTS = json.loads(os.environ.get("THRONG_FAULTS", "[]"))
# unfinished and kept work, and a folder that is not whole yet
SCRATCH = re.compile(r"/\.(work|kept|[^/]+\.building)/")


class Worker:
    """This process, once it has turned out to be a job of a stage that has faults."""

    def __init__(self) -> None:
        self.stage, self.attempt, self.log, self.outputs = "", 0, "", frozenset()
        self.faults = []
        self.commits = self.delivered = 0
        self.lock = threading.Lock()

    def begin(self, stage: str, job: dict) -> None:
        self.stage, self.attempt, self.log = stage, job.get("attempt", 1), job["log"]
        self.outputs = frozenset(str(Path(path).absolute()) for named in job["outputs"].values() for path in named)
        self.faults = [f for f in FAULTS if f["stage"] == stage and f.get("attempt", 1) == self.attempt]
        atexit.register(self.tell, "ended")
        for fault in self.faults:
            if fault["kind"] == "clock":
                self.turn_clock(fault["seconds"])
            if "after" in fault:
                timer = threading.Timer(fault["after"], self.meet, [fault])
                timer.daemon = True
                timer.start()

    def renames(self, target: str) -> None:
        """Count what is about to appear, and meet the fault whose moment it is."""
        with self.lock:
            if any(output == target or output.startswith(target + os.sep) for output in self.outputs):
                self.delivered += 1  # alone, or within a folder that appears as a whole
            elif SCRATCH.search(target):
                self.commits += 1
            else:
                return
            for fault in self.faults:
                last = self.delivered >= fault.get("outputs", 1)
                if fault["kind"] not in ("clock", "none") and (
                    last or self.commits > fault.get("commits", sys.maxsize)
                ):
                    self.meet(fault)

    def meet(self, fault: dict) -> None:
        if fault.get("met"):
            return
        fault["met"] = True
        self.tell(fault["kind"])
        if fault["kind"] == "memory":
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used, resource.RLIM_INFINITY))
            raise MemoryError("the drill leaves no more memory")  # what was freed before might last to the end
        os.kill(os.getpid(), getattr(signal, fault["kind"]))

    def turn_clock(self, seconds: float) -> None:
        clock = time.time
        time.time = lambda: clock() + seconds

        def stamp() -> None:
            for path in self.outputs:
                if Path(path).exists():
                    os.utime(path, (clock() + seconds, clock() + seconds))
                    self.tell("clock")

        atexit.register(stamp)

    def tell(self, event: str) -> None:
        record = {"stage": self.stage, "log": self.log, "attempt": self.attempt, "event": event, "pid": os.getpid()}
        record |= {"commits": self.commits, "outputs": self.delivered, "cpu": time.process_time()}
        with Path(os.environ["THRONG_FAULTS_LOG"]).open("a") as file:
            file.write(json.dumps(record) + "\n")


WORKER = Worker()


def watch(event: str, arguments: tuple) -> None:
    if event != "os.rename":
        return
    source, target = arguments[:2]
    if not isinstance(target, str | os.PathLike):  # within an open folder, by number
        return
    place = Path(target).absolute()
    if place.name.endswith(".log.job.json"):
        job = json.loads(Path(source).read_text())
        if any(fault["stage"] == job["stage"] for fault in FAULTS):
            WORKER.begin(job["stage"], job)
    elif WORKER.stage:
        WORKER.renames(str(place))


if FAULTS:
    sys.addaudithook(watch)
