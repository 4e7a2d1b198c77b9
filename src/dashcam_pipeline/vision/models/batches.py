"""Pictures put into a batch of fixed size, and what came out of it, picture by picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROW_COLUMNS = 7
"""Of detections in rows: the picture's place in the batch, then box, class and score."""


def chunks(places: Sequence[int], batch: int) -> Iterator[Sequence[int]]:
    """`places` in runs of at most `batch`."""
    return (places[start : start + batch] for start in range(0, len(places), batch))


def stacked(inputs: Sequence[NDArray[Any]], batch: int) -> NDArray[Any]:
    """One input of `batch` pictures, black ones behind those that are there.

    Always the same size: an engine on a GPU tunes itself for each new one, and may compute the last digits in
    another way.

    Args:
        inputs: 1 to `batch` arrays (1, …) of one shape and dtype.
    """
    if len(inputs) == batch == 1:
        return inputs[0]
    whole = np.zeros((batch, *inputs[0].shape[1:]), dtype=inputs[0].dtype)
    for place, one in enumerate(inputs):
        whole[place] = one[0]
    return whole


def of_picture(outputs: Sequence[NDArray[np.float32]], place: int, batch: int) -> list[NDArray[np.float32]]:
    """The outputs as if the picture at `place` had been alone.

    Args:
        outputs: of one inference, each (batch, …), or (n, 7) rows of detections of all pictures.
    """
    if batch == 1:
        return list(outputs)
    return [
        output[output[:, 0] == place] if _is_rows(output) else output[place : place + 1] for output in outputs
    ]


def fits_batch(outputs: Sequence[NDArray[np.float32]], batch: int) -> bool:
    """Whether outputs are such that `of_picture` can take them apart."""
    return all(_is_rows(output) or (output.ndim > 0 and len(output) == batch) for output in outputs)


def _is_rows(output: NDArray[np.float32]) -> bool:
    return output.ndim == 2 and output.shape[1] == ROW_COLUMNS
