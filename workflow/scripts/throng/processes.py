"""One call in several processes of this machine that share a torch.distributed group, such as one per GPU."""

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

log = logging.getLogger(__name__)
START = "import sys; sys.path.insert(0, sys.argv[1]); from throng.processes import work; work(*sys.argv[2:])"
CALL = "call.pickle"
REFUSED, FAILED = "refused", "failed"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class ProcessesStoppedError(TransientError):
    """A signal asked the launching process to stop, and it stopped the others."""


def share_job(fit: Callable[..., None], inputs: Any, outputs: Any, config: Any, context: Any) -> None:
    """Do a job, ``fit(inputs, outputs, config, context)``, in as many processes as its section says.

    Each gets its share of the job's threads. Raises ThrongError where there are fewer GPUs than processes that want
    one, and as :func:`launch` does.
    """
    processes, device = config.processes, config.device
    share = dataclasses.replace(context, threads=max(1, context.threads // processes))
    if processes == 1:
        fit(inputs, outputs, config, share)
        return
    if device != "cpu" and (gpus := _gpus()) < processes:
        raise ThrongError(
            f"processes {processes} on device {device} need as many GPUs; this machine has {gpus}: "
            f"lower processes, or use device cpu"
        )
    launch(fit, (inputs, outputs, config, share), processes=processes, threads=share.threads)


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
        (folder / CALL).write_bytes(pickle.dumps((function, arguments, _log_file(), logging.getLogger().level)))
        library = Path(__file__).parents[1]
        try:
            elastic_launch(config, sys.executable)("-c", START, library, folder, os.getpid(), threads)
        except ChildFailedError as error:
            codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
            raise _failure(folder, codes, processes) from None
        except SignalException as error:
            raise ProcessesStoppedError(
                f"asked to stop by {signal.Signals(error.sigval).name}; run it again to go on from its last checkpoint"
            ) from None


def work(folder: str, parent: str, threads: str) -> None:
    """Make the call that :func:`launch` wrote to ``folder``, in one of its processes."""
    os.environ["OMP_NUM_THREADS"] = threads  # read by torch when it is imported, and by accelerate
    threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    rank = int(os.environ["RANK"])
    try:
        function, arguments, log_file, level = pickle.loads((Path(folder) / CALL).read_bytes())
        if log_file is not None:
            # The first process tells the story; the others say only what is wrong.
            logging.basicConfig(filename=log_file, format=FORMAT, level=level if rank == 0 else logging.WARNING)
        function(*arguments)
    except ThrongError as error:
        _fail(Path(folder), rank, REFUSED, str(error))
    except Exception as error:
        log.exception("process %d failed", rank)
        _fail(Path(folder), rank, FAILED, f"{type(error).__name__}: {error}")
    else:
        import torch.distributed

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _fail(folder: Path, rank: int, kind: str, sentence: str) -> None:
    (folder / f"{rank}.{kind}").write_text(sentence, encoding="utf-8")
    logging.shutdown()
    sys.stderr.flush()
    os._exit(1)  # an orderly end would wait for processes that will never answer


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _failure(folder: Path, codes: Mapping[int, int], processes: int) -> ThrongError:
    """Return what went wrong first: a process's own sentence, a kill, or else an error that may be its consequence."""
    refused = sorted(folder.glob(f"*.{REFUSED}"), key=lambda path: path.stat().st_mtime_ns)
    if refused:
        return ThrongError(refused[0].read_text(encoding="utf-8"))
    killed = [(rank, -code) for rank, code in sorted(codes.items()) if code < 0 and -code != signal.SIGTERM]
    if killed:
        rank, number = killed[0]
        return TransientError(
            f"process {rank + 1} of {processes} was killed by {signal.Signals(number).name} (no memory left?); "
            f"run it again to go on from its last checkpoint"
        )
    failed = sorted(folder.glob(f"*.{FAILED}"), key=lambda path: path.stat().st_mtime_ns)
    if failed:
        text = failed[0].read_text(encoding="utf-8")
        return ThrongError(f"process {int(failed[0].stem) + 1} of {processes} failed: {text}")
    rank, code = min(codes.items())
    return ThrongError(f"process {rank + 1} of {processes} ended with exit code {code} and said nothing")


def _log_file() -> str | None:
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.FileHandler)]
    return handlers[0].baseFilename if handlers else None


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
