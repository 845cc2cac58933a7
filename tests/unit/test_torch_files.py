"""What torch cannot write is the disk's fault, and said to be."""

import errno
import io

import pytest
import torch

from throng.torch_files import save


class FullDisk(io.BytesIO):
    """A file that has no room for much."""

    def write(self, data) -> int:
        if self.tell() + len(data) > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_an_error_of_the_disk():
    with pytest.raises(OSError) as said:
        save({"weights": torch.zeros(10_000)}, FullDisk())
    assert said.value.errno == errno.ENOSPC


def test_another_fault_of_torch_stays_its_own():
    class Wilful:
        def __reduce__(self):
            raise RuntimeError("not to be kept")

    with pytest.raises(RuntimeError, match="not to be kept"):
        save({"weights": Wilful()}, io.BytesIO())


def test_what_was_written_is_read_again():
    file = io.BytesIO()
    save({"weights": torch.arange(3)}, file)
    file.seek(0)
    assert torch.load(file, weights_only=True)["weights"].tolist() == [0, 1, 2]
