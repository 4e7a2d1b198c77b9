"""Giving a detector another input size than the one that it was exported for.

A convolutional detector works at any size, but its export may have written the size of its feature maps into
constants: the shapes of reshapes, and the grid of cell centres and strides from which YOLO heads make boxes. Here
these constants are computed anew for the wanted size; the weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 16, 32, 64)
"""Of the levels that PP-PicoDet (all four) and YOLO (the first three) predict on, pixels a cell."""

MAP_STRIDES = (2, 4, *STRIDES)
"""Of the feature maps inside."""

LAID_OUT = ("PriorBox", "PriorBoxClustered", "DetectionOutput")
"""Operations of SSD heads, whose boxes were laid out for one size."""

SIDE_STEP_PX = 32
"""Sides of an input are multiples of this, so that every level but the coarsest divides them."""


@dataclass(frozen=True, slots=True)
class InputSize:
    """Width and height of a model's input, pixels."""

    width: int
    height: int

    def cells(self, stride: int) -> tuple[int, int]:
        """(rows, columns) of a feature map."""
        return -(-self.height // stride), -(-self.width // stride)

    def count(self, stride: int) -> int:
        """Cells of a feature map."""
        rows, columns = self.cells(stride)
        return rows * columns

    def centres(self, strides: Sequence[int]) -> NDArray[np.float64]:
        """(2, n): x and y of all cells' centres, level after level, in cells."""
        levels = []
        for stride in strides:
            rows, columns = self.cells(stride)
            x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
            levels.append(np.stack([x.ravel(), y.ravel()]))
        return np.concatenate(levels, axis=1)


def size_for(own: InputSize, width: int, height: int) -> InputSize:
    """The input size for pictures of a shape: the model's own, shortened to the shape of the pictures.

    A model that takes pictures of any shape stretched to its square spends a good part of its work on rows that
    were not there: a 16:9 picture is as wide in 320 x 192 as in 320 x 320.

    Args:
        own: the size that the model was exported for.
        width, height: of the pictures.
    """
    if width >= height:
        return InputSize(own.width, min(own.height, _stepped(own.width * height / width)))
    return InputSize(min(own.width, _stepped(own.height * width / height)), own.height)


def square(own: InputSize, side: int) -> InputSize:
    """A square of about `side` pixels, no larger than the model's own size."""
    side = min(_stepped(side), own.width, own.height)
    return InputSize(side, side)


def _stepped(side: float) -> int:
    return max(1, -int(-side // SIDE_STEP_PX)) * SIDE_STEP_PX


def resize_input(network: Any, size: InputSize) -> None:
    """Change an OpenVINO network of one picture input (1, 3, h, w) to another size, in place.

    Raises:
        RuntimeError: the network does not allow for it; it may be half changed then.
    """
    from openvino import PartialShape, opset13

    picture = network.inputs[0]
    own = InputSize(*(int(side) for side in (picture.shape[3], picture.shape[2])))
    if own == size:
        return
    if any(node.get_type_name() in LAID_OUT for node in network.get_ops()):
        raise RuntimeError(f"its boxes are laid out for {own.width} x {own.height}")
    translation = _Translation(own, size)
    for node in network.get_ordered_ops():
        if node.get_type_name() == "Constant" and (new := translation.of(node.data)) is not None:
            constant = opset13.constant(new)
            for user in list(node.output(0).get_target_inputs()):
                if user.get_node().get_type_name() in translation.users(new):
                    user.replace_source_output(constant.output(0))
    network.get_parameters()[0].set_partial_shape(PartialShape([1, 3, size.height, size.width]))
    network.validate_nodes_and_infer_types()


class _Translation:
    """What becomes of constants that depend on the input size."""

    def __init__(self, own: InputSize, size: InputSize) -> None:
        self._size = size
        self._maps = {own.cells(stride): size.cells(stride) for stride in MAP_STRIDES}
        self._counts = {own.count(stride): size.count(stride) for stride in STRIDES}
        self._grids = {}  # length of a grid over several levels -> those levels
        for last in range(2, len(STRIDES) + 1):
            levels = STRIDES[:last]
            length = sum(own.count(stride) for stride in levels)
            self._grids[length] = levels
            self._counts[length] = sum(size.count(stride) for stride in levels)

    def of(self, data: NDArray[Any]) -> NDArray[Any] | None:
        """The new value of a constant; None for one that does not depend on the size."""
        if data.dtype.kind == "i" and data.ndim == 1:
            return self._shape(data)
        if data.dtype.kind == "f" and data.ndim > 1 and data.shape[-1] in self._grids:
            return self._grid(data, self._grids[data.shape[-1]])
        return None

    @staticmethod
    def users(new: NDArray[Any]) -> tuple[str, ...]:
        """The operations in which such a constant means the size."""
        return ("Reshape", "Multiply") if new.dtype.kind == "i" else ("Multiply", "Subtract", "Add")

    def _shape(self, data: NDArray[Any]) -> NDArray[Any] | None:
        """A reshape's target: (…, rows, columns) of a feature map, or with the number of cells in it."""
        sides = [int(side) for side in data]
        if len(sides) >= 4 and (sides[-2], sides[-1]) in self._maps:
            return np.array([*sides[:-2], *self._maps[sides[-2], sides[-1]]], dtype=data.dtype)
        if any(side in self._counts for side in sides):
            return np.array([self._counts.get(side, side) for side in sides], dtype=data.dtype)
        return None

    def _grid(self, data: NDArray[Any], strides: Sequence[int]) -> NDArray[Any] | None:
        """A YOLO head's cell centres (1, 2, n) or strides (1, n)."""
        if data.shape[:-1] == (1, 2):
            centres: NDArray[Any] = self._size.centres(strides)[None].astype(data.dtype)
            return centres
        if data.shape[:-1] == (1,):
            steps = [np.full(self._size.count(stride), stride) for stride in strides]
            grid: NDArray[Any] = np.concatenate(steps)[None].astype(data.dtype)
            return grid
        return None
