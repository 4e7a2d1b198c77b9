"""Which box may go on which track: overlap, as the tracking library takes it, where nothing speaks against it.

Imports the tracking library, which takes most of a second: import this only where vehicles are tracked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trackers.utils.iou import IoU

Boxes = NDArray[Any]
"""Shape (N, 4): left, top, right, bottom."""

REFUSED = -1.0
"""Below every threshold of the overlap."""


class CheckedIoU(IoU):
    """Intersection over union of predicted and found boxes; `REFUSED` where a check says they are two vehicles."""

    def __init__(self) -> None:
        self.refuses: Callable[[Boxes, int, Boxes], bool] | None = None
        """Asked with all predicted boxes, the number of one, and a found box that overlaps with that one; set for the
        time of one update."""

    def _compute(self, boxes_1: Boxes, boxes_2: Boxes) -> Boxes:
        overlaps: Boxes = super()._compute(boxes_1, boxes_2)
        if self.refuses is not None:
            for row, column in np.argwhere(overlaps > 0.0):
                if self.refuses(boxes_1, int(row), boxes_2[column]):
                    overlaps[row, column] = REFUSED
        return overlaps
