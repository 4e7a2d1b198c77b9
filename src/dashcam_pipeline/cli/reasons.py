"""Why vehicles have no plate, counted over the videos of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.table import Table

from dashcam_pipeline.storage.results.reading import VideoSummary
from dashcam_pipeline.vision.reasons import in_words


def counted(videos: Iterable[VideoSummary]) -> list[tuple[str, int]]:
    """Each reason and its sightings, the most frequent first."""
    total: Counter[str] = Counter()
    for video in videos:
        total.update(video.reasons or {})
    return sorted(
        ((reason, count) for reason, count in total.items() if count), key=lambda one: (-one[1], one[0])
    )


def reasons_line(videos: Iterable[VideoSummary]) -> str | None:
    """All reasons in one line; None when every vehicle has a plate."""
    reasons = counted(videos)
    if not reasons:
        return None
    return "without a plate: " + ", ".join(f"{reason} {count}" for reason, count in reasons)


def reasons_table(videos: Iterable[VideoSummary]) -> Table | None:
    """The reasons with their meaning; None when every vehicle has a plate."""
    reasons = counted(videos)
    if not reasons:
        return None
    table = Table("without a plate", "vehicles", "because")
    table.box = None
    table.columns[1].justify = "right"
    for reason, count in reasons:
        table.add_row(reason, str(count), in_words(reason).meaning)
    return table
