"""Which GPU a job runs on, without one."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from throng.diffusion import device
from throng.errors import ThrongError

HOLD = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()"


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    import torch

    def seen(number: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda one: SimpleNamespace(uuid=f"id{one.index}"))

    monkeypatch.setattr(device.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(device, "_held", {})
    return seen


def test_a_device_that_is_named_is_taken(gpus):
    gpus(0)
    assert device.claimed("cpu", "remove") == "cpu"
    gpus(1)
    assert device.claimed("cuda", "remove") == "cuda"
    gpus(2)
    assert device.claimed("cuda:1", "remove") == "cuda:1"


def test_a_device_that_is_not_there_is_one_sentence(gpus):
    gpus(0)
    with pytest.raises(ThrongError, match=r"remove.device is cuda, but torch sees no GPU here; set it to cpu"):
        device.claimed("cuda", "remove")
    gpus(2)
    with pytest.raises(ThrongError, match=r"remove.device is cuda:2, but torch sees cuda:0 to cuda:1 here"):
        device.claimed("cuda:2", "remove")


def test_of_several_gpus_a_job_takes_one_that_no_other_has(gpus, tmp_path):
    import os

    gpus(2)
    locks = [tmp_path / f"throng-{os.getuid()}-gpu-id{number}.lock" for number in range(2)]
    held = [subprocess.Popen([sys.executable, "-c", HOLD, str(locks[0])], stdin=-1, stdout=-1, text=True)]
    assert held[0].stdout is not None and held[0].stdout.readline() == "1\n"
    assert device.claimed("cuda", "remove") == "cuda:1"
    assert device.claimed("cuda", "remove") == "cuda:1"  # and keeps it
    held[0].communicate("\n")
    assert device.claimed("cuda", "remove") == "cuda:1"


def test_where_all_are_taken_one_is_shared(gpus, tmp_path, monkeypatch):
    gpus(2)
    monkeypatch.setattr(device, "_claim", lambda _: False)
    assert device.claimed("cuda", "remove") in ("cuda:0", "cuda:1")
