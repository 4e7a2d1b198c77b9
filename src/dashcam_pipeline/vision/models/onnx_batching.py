"""Making an ONNX model that was exported for one picture take a batch of them.

Such exports have a batch of one written into the targets of their reshapes. There it is replaced by ONNX's own sign
for "as it came in" (https://onnx.ai/onnx/operators/onnx__Reshape.html); the weights stay as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dashcam_pipeline.errors import EngineUnavailable

AS_IT_CAME_IN = 0
INSTALL = "pip install 'dashcam-pipeline[gpu]'"


def batched_model(model: Path, batch: int) -> bytes:
    """The model with the batch side of its picture input set to `batch`, as the bytes of an ONNX file.

    Whether it then works is for the engine to say: a model may have the batch of one in other places too.

    Args:
        model: an `.onnx` file.
        batch: pictures of one inference.

    Raises:
        EngineUnavailable: the library that edits models is not installed.
        Exception: of that library, for a file that is no model.
    """
    try:
        import onnx
    except ImportError as error:
        raise EngineUnavailable(
            f"batches of {batch} pictures need the package onnx, which is not installed: {INSTALL}, "
            "or set models.gpu_batch to 1"
        ) from error
    network = onnx.load(str(model))
    graph = network.graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    pictures = next(value for value in graph.input if value.name not in constants)
    pictures.type.tensor_type.shape.dim[0].dim_value = batch
    _open_reshapes(graph, {pictures.name}, constants, onnx.numpy_helper)
    # What is said of shapes holds for one picture; the engine finds the new ones by itself.
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    return bytes(network.SerializeToString())


def _open_reshapes(graph: Any, of_pictures: set[str], constants: dict[str, Any], numpy_helper: Any) -> None:
    """Let every reshape of what depends on the pictures keep the batch side that comes in.

    Args:
        of_pictures: names of values that depend on the pictures; grows on the way.
        constants: values by name; grows likewise.
    """
    for node in graph.node:  # each behind all that it needs, says the format
        if node.op_type == "Constant":
            value = next((one.t for one in node.attribute if one.name == "value"), None)
            constants[node.output[0]] = None if value is None else numpy_helper.to_array(value)
        if of_pictures.isdisjoint(node.input):
            continue
        of_pictures.update(node.output)
        if node.op_type != "Reshape" or node.input[0] not in of_pictures:
            continue
        shape = constants.get(node.input[1])
        if shape is not None and shape.size > 1 and shape[0] == 1:
            opened = np.concatenate([[AS_IT_CAME_IN], shape[1:]]).astype(np.int64)
            name = f"{node.input[1]}/{node.output[0]}"
            graph.initializer.append(numpy_helper.from_array(opened, name))
            node.input[1] = name
