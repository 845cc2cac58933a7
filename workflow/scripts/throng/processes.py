"""One call in several processes that share a torch.distributed group, such as one per GPU; of this machine, or more."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from throng.errors import ThrongError, TransientError
from throng.retrying import may_pass

log = logging.getLogger(__name__)
START = "import sys; sys.path.insert(0, sys.argv[1]); from throng.processes import work; work(*sys.argv[2:])"
CALL = "call.pickle"
# what a process's last sentence is: bad input, an end that was asked for, an error, an error that may not come again
REFUSED, STOPPED, FAILED, PASSING = "refused", "stopped", "failed", "passing"
# how gloo and torch's store tell that another process is gone
LOST = ("Connection closed by peer", "Connection reset by peer", "DistNetworkError", "DistStoreError")
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class ProcessesStoppedError(TransientError):
    """A signal asked the launching process to stop, and it stopped the others."""


def share_job(fit: Callable[..., None], inputs: Any, outputs: Any, config: Any, context: Any) -> None:
    """Do a job, ``fit(inputs, outputs, config, context)``, in as many processes on as many nodes as its section says.

    Each gets its share of the job's threads, which are those of one node. Raises ThrongError where there are fewer GPUs
    than processes that want one, and as :func:`launch` and :func:`throng.nodes.launch_on_nodes` do.
    """
    nodes, processes = config.nodes, config.processes
    share = dataclasses.replace(context, threads=max(1, context.threads // processes))
    call = (inputs, outputs, config, share)
    if nodes > 1:
        from throng.nodes import Plan, launch_on_nodes

        with _log_lent():
            launch_on_nodes(fit, call, Plan(nodes, processes, share.threads, config.device), context.workdir().path)
        return
    if processes == 1:
        fit(*call)
        return
    check_gpus(processes, config.device)
    with _log_lent():
        launch(fit, call, processes=processes, threads=share.threads)


def check_gpus(processes: int, device: str) -> None:
    """Raise ThrongError where this machine has fewer GPUs than processes that want one."""
    if device != "cpu" and (gpus := _gpus()) < processes:
        raise ThrongError(
            f"processes {processes} on device {device} need as many GPUs; this machine has {gpus}: "
            f"lower processes, or use device cpu"
        )


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def launch(function: Callable[..., None], arguments: tuple[Any, ...], *, processes: int, threads: int) -> None:
    """Call ``function(*arguments)`` in ``processes`` new processes of one group, with ``threads`` torch threads each.

    The function must be importable by its module's name, the arguments picklable. When one process fails or is killed
    the others are stopped; when this process is killed they end by themselves. Raises ThrongError with the sentence of
    the process that failed first, :class:`ProcessesStoppedError` when a signal asked this process to stop.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id="throng",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="127.0.0.1",
        max_restarts=0,
    )
    with tempfile.TemporaryDirectory() as name, _handlers_kept():
        folder = Path(name)
        (folder / CALL).write_bytes(pickle.dumps(call_of(function, arguments)))
        library = Path(__file__).parents[1]
        try:
            elastic_launch(config, sys.executable)("-c", START, library, folder, os.getpid(), threads)
        except ChildFailedError as error:
            said = failure(folder, {rank: found.exitcode for rank, found in error.failures.items()}, processes)
            assert said is not None
            raise said from None
        except SignalException as error:
            raise ProcessesStoppedError(
                f"asked to stop by {signal.Signals(error.sigval).name}; run it again to go on from its last checkpoint"
            ) from None


def call_of(function: Callable[..., None], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what :func:`work` makes: a call, and how this process logs."""
    return function, arguments, _log_file(), logging.getLogger().level


def work(folder: str, parent: str, threads: str) -> None:
    """Make the call that :func:`launch` wrote to ``folder``, in one of its processes."""
    os.environ["OMP_NUM_THREADS"] = threads  # read by torch when it is imported, and by accelerate
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    rank = int(os.environ["RANK"])
    try:
        function, arguments, log_file, level = pickle.loads((Path(folder) / CALL).read_bytes())
        if log_file is not None:
            # The first process tells the story; the others say only what is wrong. Nodes share no file that they
            # append to: network file systems lose lines.
            node = int(os.environ.get("GROUP_RANK", "0"))
            handler = logging.FileHandler(f"{log_file}.node-{node}" if node else log_file, delay=True)
            logging.basicConfig(handlers=[handler], format=FORMAT, level=level if rank == 0 else logging.WARNING)
        function(*arguments)
    except Exception as error:
        kind, sentence = kind_of(error)
        if kind in (FAILED, PASSING):
            log.exception("process %d failed", rank)
        _fail(Path(folder), rank, kind, sentence)
    else:
        import torch.distributed

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def kind_of(error: Exception) -> tuple[str, str]:
    """Return what kind of end an error is, and its sentence."""
    if isinstance(error, TransientError):
        return STOPPED, str(error)
    if isinstance(error, ThrongError):
        return REFUSED, str(error)
    sentence = f"{type(error).__name__}: {error}"
    return (PASSING if may_pass(error) or any(part in sentence for part in LOST) else FAILED), sentence


def say(folder: Path, rank: int, kind: str, sentence: str) -> None:
    """Leave a process's last sentence for the one that launched it."""
    (folder / f"{rank}.{kind}").write_text(sentence, encoding="utf-8")


def _fail(folder: Path, rank: int, kind: str, sentence: str) -> None:
    say(folder, rank, kind, sentence)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(1)  # an orderly end would wait for processes that will never answer


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def failure(folder: Path, codes: Mapping[int, int], processes: int) -> ThrongError | None:
    """Return what went wrong first, None where nothing tells: a process's own sentence, or a kill, or an error.

    Errors come last, those that may pass behind the others, for they may be consequences of what befell another.
    """
    for kind, error in ((REFUSED, ThrongError), (STOPPED, TransientError)):
        if told := _told(folder, kind):
            return error(told[0][1])
    killed = [(rank, -code) for rank, code in sorted(codes.items()) if code < 0 and -code != signal.SIGTERM]
    if killed:
        rank, number = killed[0]
        return TransientError(
            f"process {rank + 1} of {processes} was killed by {signal.Signals(number).name} (no memory left?); "
            f"run it again to go on from its last checkpoint"
        )
    for kind, error in ((FAILED, ThrongError), (PASSING, TransientError)):
        if told := _told(folder, kind):
            rank, text = told[0]
            return error(f"process {rank + 1} of {processes} failed: {text}")
    if not codes:
        return None
    rank, code = min(codes.items())
    return ThrongError(f"process {rank + 1} of {processes} ended with exit code {code} and said nothing")


def _told(folder: Path, kind: str) -> list[tuple[int, str]]:
    """Return rank and sentence of the processes that ended so, in the order in which they did."""
    files = sorted(folder.glob(f"*.{kind}"), key=lambda path: path.stat().st_mtime_ns)
    return [(int(path.stem), path.read_text(encoding="utf-8")) for path in files]


def _log_file() -> str | None:
    handlers = _log_handlers()
    return handlers[0].baseFilename if handlers else None


def _log_handlers() -> list[logging.FileHandler]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.FileHandler)]


@contextlib.contextmanager
def _log_lent() -> Iterator[None]:
    """Go on at the end of this process's log, which others have written to meanwhile, instead of over their lines."""
    try:
        yield
    finally:
        for handler in _log_handlers():
            if handler.stream is not None and handler.stream.seekable():
                handler.stream.seek(0, os.SEEK_END)


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put back the signal handlers that the launcher replaces, where signals can be had (the main thread)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {
        number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    }
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
