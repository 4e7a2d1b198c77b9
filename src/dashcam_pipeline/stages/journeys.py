"""When and where each video was recorded: found out once by READ, and looked up by the stages that make rows.

Between them it is a small file in the work dir, one a video, which goes when the video is over.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from dataclasses import astuple, replace
from pathlib import Path

from dashcam_pipeline.durable import write_durably
from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.sources.journey import NO_MOMENT, Journey, Moment
from dashcam_pipeline.storage.rows import VideoRow

FOLDER = "journeys"
KEPT = 16
"""Videos whose journeys a process remembers; more than are ever under way at once on most hosts."""


def with_journey(row: VideoRow, journey: Journey) -> VideoRow:
    """The row of a video with when and where it was recorded."""
    clock, track = journey.clock, journey.track
    return replace(
        row,
        started_at=clock.started_at if clock else None,
        utc_offset_min=clock.utc_offset_min if clock else None,
        time_source=clock.time_source if clock else None,
        zone_source=clock.zone_source if clock else None,
        time_note=journey.time_note or None,
        position_source=track.source if track else None,
        position_note=journey.position_note or None,
        track=tuple(map(astuple, track.fixes)) if track else None,
    )


class Journeys:
    """The journeys of the videos of one work dir."""

    def __init__(self, work_dir: Path) -> None:
        self._folder = work_dir / FOLDER
        self._known: OrderedDict[str, Journey] = OrderedDict()

    def put(self, video_id: str, journey: Journey) -> None:
        """Keep a journey for the other processes; an equal one that is there stays.

        Raises:
            DiskUnavailable: the work dir is full or can't be written to.
        """
        path, text = self._file(video_id), journey.to_json()
        try:
            with suppress(FileNotFoundError):
                if path.read_text(encoding="utf-8") == text:
                    return
            write_durably(path, text.encode())
        except OSError as error:
            raise DiskUnavailable(
                f"can't write {path}: {error.strerror or error}. What to do: free the disk, make it writable, or give "
                "another --work-dir."
            ) from error

    def moment(self, video_id: str, ts_s: float) -> Moment:
        """When and where a frame was taken; nothing is known of a video whose file is gone."""
        journey = self._known.pop(video_id, None) or self._read(video_id)
        if journey is None:
            return NO_MOMENT
        self._known[video_id] = journey  # the one that was used last
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return journey.moment(ts_s)

    def remove(self, video_id: str) -> None:
        """The video is over."""
        with suppress(OSError):  # one that stays serves nobody
            self._file(video_id).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """No video is under way: what is still there is of videos that nobody goes on with."""
        with suppress(OSError):
            for path in self._folder.glob("*.json"):
                path.unlink(missing_ok=True)

    def _read(self, video_id: str) -> Journey | None:
        try:
            return Journey.from_json(self._file(video_id).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # a value error: of another version of the program
            return None

    def _file(self, video_id: str) -> Path:
        return self._folder / f"{video_id}.json"
