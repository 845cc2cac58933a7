"""Ultralytics, imported so that it stays off the network and keeps its settings in a scratch folder."""

import os
from pathlib import Path
from typing import Any

from throng.errors import ThrongError


def import_yolo(scratch: Path) -> Any:
    """Return the class ``ultralytics.YOLO``; the first import in a process decides where its settings lie.

    Raises ThrongError when a library is missing.
    """
    os.environ |= {"YOLO_OFFLINE": "1", "YOLO_AUTOINSTALL": "0", "YOLO_VERBOSE": "0", "YOLO_CONFIG_DIR": str(scratch)}
    try:
        import torchvision  # noqa: F401 - its presence decides which NMS ultralytics uses
        from ultralytics import YOLO
    except ImportError as error:
        raise ThrongError(
            f"the backend is ultralytics, but a library is missing ({error}): "
            f"pip install ultralytics-opencv-headless onnx onnxruntime openvino"
        ) from error
    return YOLO
