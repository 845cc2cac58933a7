"""Ultralytics and the runtimes below it, imported so that they report to nobody and write to a scratch folder only."""

import contextlib
import importlib
import os
import sys
from collections.abc import Generator
from pathlib import Path
from types import ModuleType
from typing import Any

from throng.errors import ThrongError


def import_yolo(scratch: Path) -> Any:
    """Return the class ``ultralytics.YOLO``; the first import in a process decides where its settings lie.

    Raises ThrongError when a library is missing.
    """
    report_to_nobody()
    os.environ |= {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_VERBOSE": "0", "YOLO_CONFIG_DIR": str(scratch)}
    from PIL import Image

    opened = Image.open
    try:
        with _compiler_left_out():
            import torchvision  # noqa: F401 - its presence decides which NMS ultralytics uses
        from ultralytics import YOLO
    except ImportError as error:
        raise ThrongError(
            f"the backend is ultralytics, but a library is missing ({error}): "
            f"pip install ultralytics-opencv-headless onnx onnxruntime openvino"
        ) from error
    finally:
        Image.open = opened  # the library's own answers a file that is no image by wanting another package
    return YOLO


def report_to_nobody() -> None:
    """Keep ONNX Runtime and OpenVINO from sending usage reports and from writing identifiers below the home folder."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # openvino reports its own import unless this package is missing, and has no other switch that needs no file
    sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]


@contextlib.contextmanager
def _compiler_left_out() -> Generator[None, None, None]:
    """Let torchvision be imported without ``torch._dynamo``, which takes eight times as long as all the rest of it.

    It wants one function of it, to say in a layer that is not used here what can be compiled; that imports it then.
    """
    package, name = "torch._dynamo", "torch._dynamo.utils"
    if package in sys.modules or "torchvision" in sys.modules:
        yield
        return
    utils = ModuleType(name)
    utils.__dict__["is_compile_supported"] = lambda device: importlib.import_module(name).is_compile_supported(device)
    sys.modules |= {package: ModuleType(package), name: utils}
    try:
        yield
    finally:
        for one in (package, name):
            sys.modules.pop(one, None)
