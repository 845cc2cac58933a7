"""Nothing that somebody else wrote may crash, hang or swell throng: ``make fuzz`` does the same for longer."""

import pytest

from tests.fuzz.drive import drive
from tests.fuzz.targets import TARGETS, Target


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_changed_files_are_read_or_refused_in_a_sentence(target: Target, tmp_path):
    report = drive(target, seconds=10.0, seed=0, kept=tmp_path)
    assert report.findings == {}
    assert report.executions and report.refused  # that the whole files are accepted, the driver has seen itself
