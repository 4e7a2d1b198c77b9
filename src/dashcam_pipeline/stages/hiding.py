"""Rows in which no plate can be read: each text of one is a keyed hash (`privacy.hash_plates`)."""

from __future__ import annotations

import re
from dataclasses import replace

from dashcam_pipeline.stages.context import StageContext
from dashcam_pipeline.storage.retention.plate_hash import hashed, key_in_use
from dashcam_pipeline.storage.rows import LookRow, SightingRow

HIDDEN = "[hidden]"
LIKE_A_PLATE = re.compile(r"\b(?=[A-Z0-9]{3,})[A-Z0-9]+\b")
"""What readers read is upper case letters and digits alone."""


def plate_key_of(context: StageContext) -> bytes | None:
    """The key for plates of this run; None: plates are stored as they are."""
    return key_in_use(context.settings.privacy, context.job.work_dir)


def without_plates(row: SightingRow, key: bytes) -> SightingRow:
    """The row with hashes for all that was read, and nothing of single characters.

    Equal texts stay equal: how many reads agree can still be counted.
    """
    return replace(
        row,
        final_plate=_hashed(row.final_plate, key),
        best_guess=_hashed(row.best_guess, key),
        best_read=_hashed(row.best_read, key),
        char_votes=[],
        looks=tuple(_look(look, key) for look in row.looks),
    )


def without_texts(message: str) -> str:
    """A message of a library or of ours without what may be a plate."""
    return LIKE_A_PLATE.sub(HIDDEN, message)


def _hashed(text: str | None, key: bytes) -> str | None:
    return hashed(text, key) if text else text


def _look(look: LookRow, key: bytes) -> LookRow:
    reads = (
        replace(read, text=_hashed(read.text, key) or "", char_confidences=(), alternatives=())
        for read in look.reads
    )
    return replace(look, reads=tuple(reads))
