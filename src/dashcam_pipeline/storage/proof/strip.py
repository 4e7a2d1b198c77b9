"""One picture with all looks at a plate: what every reader made of each, what it weighed, and whether it agreed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dashcam_pipeline.storage.rows import LookRow, ReadRow
from dashcam_pipeline.vision.types import Image

MOST_CROPS = 12
PLATE_HEIGHT_PX = 56
NARROWEST_PX = 190  # of a tile: the caption must fit
WIDEST_PX = 300
LINE_PX = 17
GAP_PX = 6
ROW_WIDTH_PX = 900
FONT, FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.42

PAPER, INK, AGREES, OTHER = (245, 245, 245), (30, 30, 30), (60, 150, 40), (150, 150, 150)  # BGR


@dataclass(frozen=True, slots=True)
class StripCrop:
    """A picture of a plate, and the look that it was cut out of."""

    picture: Image  # not empty
    look: LookRow


def strip(crops: Sequence[StripCrop]) -> Image | None:
    """The crops in rows, in the order given, with captions; those that agree with the winner are framed in green.

    Args:
        crops: of more than `MOST_CROPS`, those of the greatest weight.

    Returns:
        BGR, uint8, at most `ROW_WIDTH_PX` wide unless a single tile is wider; None without a crop.
    """
    shown = [crop for crop in crops if crop.picture.size]
    if len(shown) > MOST_CROPS:
        heaviest = sorted(range(len(shown)), key=lambda n: (-_weight(shown[n].look), n))[:MOST_CROPS]
        shown = [shown[number] for number in sorted(heaviest)]
    if not shown:
        return None
    lines = max(len(_caption(crop.look)) for crop in shown)
    tiles = [_tile(crop, lines) for crop in shown]
    rows = [_side_by_side(row) for row in _rows(tiles)]
    width = max(row.shape[1] for row in rows)
    return np.vstack([_widened(row, width) for row in rows])


def _weight(look: LookRow) -> float:
    return sum(read.weight for read in look.reads)


def _tile(crop: StripCrop, lines: int) -> Image:
    plate = _scaled(crop.picture)
    height, width = plate.shape[:2]
    tile = _paper(PLATE_HEIGHT_PX + lines * LINE_PX + 3 * GAP_PX, max(width, NARROWEST_PX) + 2 * GAP_PX)
    agrees = any(read.agrees for read in crop.look.reads)
    tile[GAP_PX : GAP_PX + height, GAP_PX : GAP_PX + width] = plate
    cv2.rectangle(
        tile,
        (GAP_PX - 2, GAP_PX - 2),
        (GAP_PX + width + 1, GAP_PX + height + 1),
        AGREES if agrees else OTHER,
        2 if agrees else 1,
    )
    for number, (text, colour) in enumerate(_caption(crop.look)):
        foot = GAP_PX + PLATE_HEIGHT_PX + GAP_PX + LINE_PX * number + 12
        cv2.putText(tile, text, (GAP_PX, foot), FONT, FONT_SCALE, colour, 1, cv2.LINE_AA)
    return tile


def _caption(look: LookRow) -> list[tuple[str, tuple[int, int, int]]]:
    first = f"frame {look.frame_idx}, {look.ts_s:.1f} s"
    return [(first, INK), *((_said(read), AGREES if read.agrees else INK) for read in look.reads)]


def _said(read: ReadRow) -> str:
    """The font knows ASCII alone."""
    text = read.text.encode("ascii", "replace").decode() or "(no text)"
    return f"{text} {read.weight:.2f}{' =' if read.agrees else ''}"


def _scaled(picture: Image) -> Image:
    """To the common height; what would be too wide then, to the greatest width."""
    factor = min(PLATE_HEIGHT_PX / picture.shape[0], WIDEST_PX / picture.shape[1])
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
    return cv2.resize(picture, size, interpolation=how).astype(np.uint8)


def _rows(tiles: Sequence[Image]) -> list[list[Image]]:
    rows: list[list[Image]] = [[]]
    for tile in tiles:
        if rows[-1] and sum(other.shape[1] for other in rows[-1]) + tile.shape[1] > ROW_WIDTH_PX:
            rows.append([])
        rows[-1].append(tile)
    return rows


def _side_by_side(row: Sequence[Image]) -> Image:
    return np.hstack(row)


def _widened(row: Image, width: int) -> Image:
    return np.hstack([row, _paper(row.shape[0], width - row.shape[1])])


def _paper(height: int, width: int) -> Image:
    return np.full((height, width, 3), PAPER, dtype=np.uint8)
