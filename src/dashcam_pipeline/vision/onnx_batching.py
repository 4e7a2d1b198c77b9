"""Giving an ONNX model that was exported for one picture a batch of pictures.

Detectors are often exported with a batch of one written into the targets of their reshapes. There the batch side is
replaced by ONNX's own sign for "as it came in" (0, https://onnx.ai/onnx/operators/onnx__Reshape.html); the weights
stay as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dashcam_pipeline.errors import EngineUnavailable

AS_IT_CAME_IN = 0
ONNX_INSTALL = "pip install onnx"


def batched_model(model: Path, batch: int) -> bytes:
    """The model with its first input's batch side set to `batch`, as the bytes of an ONNX file.

    Args:
        model: an `.onnx` file.
        batch: pictures of one inference.

    Raises:
        EngineUnavailable: the package `onnx`, which edits models, is not installed.
        Exception: of `onnx`, for a file that is no model.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise EngineUnavailable(
            f"{model.name} was made for one picture at a time, and the package that makes it take {batch} is not "
            f"installed: {ONNX_INSTALL}, or set models.gpu_batch to 1"
        ) from error
    network = onnx.load(str(model))
    graph = network.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    picture = next(value for value in graph.input if value.name not in constants)
    picture.type.tensor_type.shape.dim[0].dim_value = batch
    of_picture = {picture.name}  # everything that depends on the picture
    made = {output: node for node in graph.node for output in node.output}
    changed: dict[str, str] = {}
    for node in list(graph.node):
        if not of_picture.intersection(node.input):
            continue
        of_picture.update(node.output)
        if node.op_type == "Reshape" and node.input[0] in of_picture:
            target = node.input[1]
            shape = _shape(target, constants, made, numpy_helper)
            if shape is not None and len(shape) > 1 and shape[0] == 1:
                if target not in changed:
                    changed[target] = f"{target}/batch"
                    opened = np.array([AS_IT_CAME_IN, *shape[1:]], dtype=np.int64)
                    graph.initializer.append(numpy_helper.from_array(opened, changed[target]))
                node.input[1] = changed[target]
    _forget_shapes(graph)
    return bytes(network.SerializeToString())


def _shape(name: str, constants: dict[str, Any], made: dict[str, Any], numpy_helper: Any) -> list[int] | None:
    """The value of a reshape's target, where it is a constant."""
    if name in constants:
        return [int(side) for side in numpy_helper.to_array(constants[name])]
    node = made.get(name)
    if node is None or node.op_type != "Constant":
        return None
    value = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
    return None if value is None else [int(side) for side in numpy_helper.to_array(value).reshape(-1)]


def _forget_shapes(graph: Any) -> None:
    """Shapes of outputs and of values inside are for one picture; the engine finds the new ones by itself."""
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
