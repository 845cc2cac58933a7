"""An OpenVINO folder from an .onnx file that ultralytics exported, made by OpenVINO alone: nothing reaches the network.

Ultralytics' own OpenVINO export reports each use to a server; its .onnx export does not.
"""

import ast
from pathlib import Path
from typing import Any

from throng.detectors.library import report_to_nobody
from throng.errors import ThrongError
from throng.files import write_text

SUFFIX = "_openvino_model"


def to_openvino(onnx_file: Path, folder: Path) -> Path:
    """Write ``folder`` (its name must end in ``_openvino_model``) with graph, weights in float32 and metadata.

    Returns the folder. Raises ThrongError when the file is no .onnx with ultralytics' metadata.
    """
    report_to_nobody()
    import onnx
    import openvino
    import yaml

    if not folder.name.endswith(SUFFIX):
        raise ThrongError(f"{folder}: the name of an OpenVINO folder must end in {SUFFIX}")
    try:
        properties = onnx.load(onnx_file, load_external_data=False).metadata_props
    except Exception as error:  # protobuf and onnx raise almost anything on a foreign file
        raise ThrongError(f"{onnx_file} cannot be read as an .onnx file: {type(error).__name__}") from error
    metadata = {entry.key: _value(entry.value) for entry in properties}
    if "names" not in metadata or "task" not in metadata:
        raise ThrongError(f"{onnx_file} has no ultralytics metadata; export it with YOLO(...).export(format='onnx')")
    folder.mkdir(parents=True, exist_ok=True)
    graph = folder / f"{folder.name.removesuffix(SUFFIX)}.xml"
    openvino.save_model(openvino.Core().read_model(onnx_file), graph, compress_to_fp16=False)
    write_text(folder / "metadata.yaml", yaml.safe_dump(metadata, sort_keys=True))
    return folder


def _value(text: str) -> Any:
    """Read a value that the exporter wrote by ``str``."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
