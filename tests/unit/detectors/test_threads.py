"""A network takes the threads that its job holds, not all that the machine has."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from throng import detectors
from throng.sections.detect import Detect

MODEL = Path(__file__).parents[3] / "models" / "rendered_people" / "detector.onnx"


@pytest.mark.parametrize("threads", [1, 3])
def test_onnx_runtime_takes_the_threads_of_the_job(threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    config = TypeAdapter(Detect).validate_python({"backend": "ultralytics"})
    detector = detectors.load(config, MODEL, tmp_path)
    options = detector._network._yolo.predictor.model.backend.session.get_session_options()
    assert options.intra_op_num_threads == threads
