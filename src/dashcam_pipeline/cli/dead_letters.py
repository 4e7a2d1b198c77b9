"""What a run gave up, as `dashcam runs show` lists it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from dashcam_pipeline.cli.tables import print_table
from dashcam_pipeline.storage.rows import DeadLetterRow

LISTED = 50


def show_dead_letters(
    found: Sequence[DeadLetterRow], name_of: Mapping[str, str], tracebacks: bool = False
) -> None:
    """Print the work that was given up; `name_of` has the file names of videos by their ids."""
    table = Table("given up in", "video", "frame", "at", "error", "picture of the frame")
    table.box = None
    table.columns[-1].overflow = "fold"  # the path stays whole
    for letter in found[:LISTED]:
        table.add_row(
            letter.category,
            escape(name_of.get(letter.video_id, letter.video_id)),
            "" if letter.frame_idx is None else str(letter.frame_idx),
            "" if letter.ts_s is None else f"{letter.ts_s:.1f} s",
            escape(letter.error),
            escape(letter.frame_picture or ""),
        )
    print_table(table)
    if len(found) > LISTED:
        print(f"… and {len(found) - LISTED} more in the table dead_letters")
    for letter in found if tracebacks else ():
        print(f"\n{letter.task_id}, tried {letter.attempts} times:\n{letter.traceback.rstrip()}")
