"""Text that the camera itself writes into its picture (time, speed, place), found by its never moving.

What is written into the picture keeps its pixels while the world behind it goes by. A parked camera sees a world that
keeps its pixels too, so only what happens while most of the picture moves counts; and a car that is followed may stand
still in the picture for minutes, so nothing inside of a vehicle's box counts. Text on the camera's own windscreen or
bonnet is found the same way: no plate of another vehicle either.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from dashcam_pipeline.vision.plates.plate_gates import is_covered
from dashcam_pipeline.vision.types import Box, Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = 320
"""Pixels looked at in a row of the frame, at most."""

ROW_STRIDE = 2
"""Rows looked at lie this many times as far apart as the pixels in a row: strokes of letters are upright."""

EVERY_S = 0.25
"""Time between two frames that are compared: long enough for the world to move on by more than a pixel."""

EDGE = 28
"""Difference in brightness, of 255, between a pixel and its neighbour to the right, from which on it is an edge."""

MOST_EDGES = 9_000
"""Where a picture has more edges (foliage, noise), fewer of its columns are looked at: the state stays small."""

SAME = 20
"""A pixel that changed by no more than this is the same: compression alone changes it by that much."""

CELLS_X, CELLS_Y = 16, 9
"""Parts of the picture, each of which stands still or moves."""

CELL_EDGES = 3
"""A part with fewer edges says nothing about movement: sky, road, night."""

MIN_CELLS = 8
"""In a picture with fewer such parts nothing can be said about movement."""

STILL_CELL = 0.6
"""A part stands still when this share of its edges are where they were."""

MOVING = 0.45
"""The picture moves when no larger share of its parts stands still."""

STEADY_STEPS = 3
"""Comparisons in a row in which the picture has to move until they count: a bump or a flash is none."""

PENALTY = 2
"""An edge that was missing once has to be there this often to make up for it: digits of a clock change."""

SURE, MOST = 10, 40
"""Comparisons that an edge has to survive to be the camera's, and the most that are remembered."""

TILE_X, TILE_Y = 4, 2
"""Looked-at pixels across and down in a tile: about the size of a letter."""

GROWN = 0.5
"""A line of text goes on for about this share of a tile around the tiles in which edges were found."""

TILE_GAP = 6
"""Tiles without an edge that don't end a line of text: digits that change, spaces."""

MIN_TILES = 4
"""Tiles from the first to the last letter of the shortest line of text."""

MIN_MARKS = 6
"""Edges of the shortest line of text."""


class Overlay:
    """What has been learnt of one video's overlay. Equal frames give an equal state.

    Pickles to 4 bytes an edge in the picture: 2 to 13 kB as a rule, 40 kB at most.
    """

    def __init__(self) -> None:
        self._size: tuple[int, int] = (0, 0)  # width and height of the frames
        self._last_s = -np.inf
        self._moving_steps = 0
        self._seen: NDArray[np.uint8] = np.zeros(
            (0, 0), np.uint8
        )  # brightness of edges since then; 0 = no edge
        self._kept: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)  # comparisons that the edge has survived

    def __getstate__(self) -> tuple[object, ...]:
        places = np.flatnonzero(self._seen)
        return (
            self._size,
            self._last_s,
            self._moving_steps,
            self._seen.shape,
            places.astype(np.uint16 if self._seen.size <= 1 << 16 else np.uint32),
            self._seen.flat[places],
            self._kept.flat[places],
        )

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._size, self._last_s, self._moving_steps, shape, places, seen, kept = state
        self._seen, self._kept = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        self._seen.flat[places], self._kept.flat[places] = seen, kept

    def step(self, ts_s: float, image: Image, vehicles: Iterable[Box] = ()) -> None:
        """Take the next frame that is looked at.

        Args:
            ts_s: its time in the video; frames sooner than `EVERY_S` after the last one taken are passed over.
            image: the frame; one of another size than before starts from nothing.
            vehicles: boxes found in it: nothing inside of them becomes overlay.
        """
        height, width = image.shape[:2]
        if (width, height) != self._size:
            self._size, self._last_s, self._moving_steps = (width, height), -np.inf, 0
            self._seen = np.zeros((0, 0), np.uint8)
        if ts_s - self._last_s < EVERY_S or min(width, height) < CELLS_X * 2:
            return
        self._last_s = ts_s
        here, edge = self._look(image)
        now = np.where(edge, np.maximum(here, 1), 0).astype(np.uint8)
        if now.shape != self._seen.shape:
            self._seen, self._kept = now, np.zeros_like(now)
            return
        same = edge & (self._seen > 0) & (cv2.absdiff(now, self._seen) <= SAME)
        self._moving_steps = self._moving_steps + 1 if _moves(edge, same) else 0
        if self._moving_steps >= STEADY_STEPS:
            self._learn(same, vehicles)
        np.copyto(self._seen, now, where=self._kept == 0)

    def rectangles(self) -> tuple[Box, ...]:
        """Where the overlay is, in pixels of the frame: a rectangle for each stretch of a line of tiles."""
        marks = self._kept >= SURE
        if not marks.any():
            return ()
        tile_x, tile_y = self._stride * TILE_X, self._stride * ROW_STRIDE * TILE_Y
        return tuple(
            Box(
                max(0.0, (left - GROWN) * tile_x),
                max(0.0, (row - GROWN) * tile_y),
                min((right + GROWN) * tile_x, float(self._size[0])),
                min((row + 1 + GROWN) * tile_y, float(self._size[1])),
            )
            for row, left, right in _lines(_sums(marks, TILE_Y, TILE_X))
        )

    def covers(self, box: Box) -> bool:
        """Whether most of a box, in pixels of the frame, lies on the overlay."""
        return is_covered(box, self.rectangles())

    @property
    def _stride(self) -> int:
        return -(-self._size[0] // COLUMNS)

    def _look(self, image: Image) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Brightness of the pixels looked at, and whether each has an edge to its right."""
        stride, beside = self._stride, max(1, self._stride // 2)
        green = image[:: stride * ROW_STRIDE, :, 1]
        here = np.ascontiguousarray(green[:, : self._size[0] - beside : stride])
        right = np.ascontiguousarray(green[:, beside::stride])
        edge = cv2.absdiff(here, right[:, : here.shape[1]]) >= EDGE
        thinned = -(-int(np.count_nonzero(edge)) // MOST_EDGES)
        if thinned > 1:
            edge[:, np.arange(edge.shape[1]) % thinned != 0] = False
        return here, edge

    def _learn(self, same: NDArray[np.bool_], vehicles: Iterable[Box]) -> None:
        change = np.where(same, 1, -PENALTY).astype(np.int8)
        for box in vehicles:
            x, y = self._stride, self._stride * ROW_STRIDE
            left, top = max(0, int(box.x1 // x)), max(0, int(box.y1 // y))
            inside = change[top : max(0, -int(-box.y2 // y)), left : max(0, -int(-box.x2 // x))]
            np.minimum(inside, 0, out=inside)
        self._kept = np.clip(self._kept.astype(np.int8) + change, 0, MOST).astype(np.uint8)


def _moves(edge: NDArray[np.bool_], same: NDArray[np.bool_]) -> bool:
    """Whether most of the picture moves, judged in parts: text is dense in edges, but small."""
    rows, columns = edge.shape
    edges = _sums(edge, -(-rows // CELLS_Y), -(-columns // CELLS_X))
    still = _sums(same, -(-rows // CELLS_Y), -(-columns // CELLS_X))
    telling = edges >= CELL_EDGES
    count = int(np.count_nonzero(telling))
    return (
        count >= MIN_CELLS
        and int(np.count_nonzero(telling & (still >= STILL_CELL * edges))) <= MOVING * count
    )


def _sums(marks: NDArray[np.bool_], rows: int, columns: int) -> NDArray[np.intp]:
    """How many marks there are in each part of `rows` × `columns`, those at the edges being smaller."""
    across = np.add.reduceat(marks, np.arange(0, marks.shape[1], columns), axis=1, dtype=np.intp)
    return np.add.reduceat(across, np.arange(0, marks.shape[0], rows), axis=0, dtype=np.intp)


def _lines(tiles: NDArray[np.intp]) -> list[tuple[int, int, int]]:
    """Stretches of tiles dense in marks: row, first tile, tile after the last."""
    found = []
    for row in np.flatnonzero(tiles.any(axis=1)):
        marked = np.flatnonzero(tiles[row])
        for stretch in np.split(marked, np.flatnonzero(np.diff(marked) > TILE_GAP + 1) + 1):
            left, right = int(stretch[0]), int(stretch[-1]) + 1
            if right - left >= MIN_TILES and tiles[row, left:right].sum() >= MIN_MARKS:
                found.append((int(row), left, right))
    return found
