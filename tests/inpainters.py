"""Small inpainting networks as ONNX files: what is to be filled becomes the mean of the rest."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def build(
    path: Path,
    *,
    image: str = "image",
    mask: str = "mask",
    output: str = "output",
    fill: int = 1,
    input_max: int = 1,
    output_max: int = 255,
    size: int | None = None,
) -> Path:
    """Save a network that fills with the mean over the pixels not to be filled, in the convention asked for."""
    sides: list[int | str] = [size, size] if size else ["height", "width"]
    keep = ("Sub", ["one", mask]) if fill == 1 else ("Identity", [mask])
    nodes = [
        helper.make_node(*keep, ["keep"]),
        helper.make_node("Sub", ["one", "keep"], ["hole"]),
        helper.make_node("Mul", [image, "keep"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axes"], ["light"]),
        helper.make_node("ReduceSum", ["keep", "axes"], ["pixels"]),
        helper.make_node("Max", ["pixels", "one"], ["some"]),
        helper.make_node("Div", ["light", "some"], ["mean"]),
        helper.make_node("Mul", ["mean", "hole"], ["filled"]),
        helper.make_node("Add", ["seen", "filled"], ["whole"]),
        helper.make_node("Mul", ["whole", "scale"], [output]),
    ]
    constants = [
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
        helper.make_tensor("scale", TensorProto.FLOAT, [], [output_max / input_max]),
        helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]),
    ]

    def tensor(name: str, channels: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, *sides])

    graph = helper.make_graph(nodes, "mean", [tensor(image, 3), tensor(mask, 1)], [tensor(output, 3)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
