"""Which sighting stands on which page of a report, and in which order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dashcam_pipeline.report.cards import Standing, standing_of
from dashcam_pipeline.report.folder import INDEX
from dashcam_pipeline.storage.results.public_ids import public_id, telling_chars
from dashcam_pipeline.storage.results.reading import Sighting, VideoSummary
from dashcam_pipeline.storage.rows import VideoStatus

CARDS_A_PAGE = 300
READ = (VideoStatus.DONE, VideoStatus.PARTIAL, VideoStatus.STOPPED)


@dataclass(frozen=True, slots=True)
class Placed:
    """A sighting with its place in the report."""

    sighting: Sighting
    key: str  # what it is called, in this report unlike any other
    file: str  # page that has its card


@dataclass(frozen=True, slots=True)
class ArrangedVideo:
    """A video with its sightings: those with a plate first, each kind in the order of time."""

    number: int  # from 1
    video_id: str
    filename: str
    summary: VideoSummary | None  # None: of an earlier run, a vehicle of it was seen on in this one
    placed: tuple[Placed, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The pages that have its cards."""
        return tuple(dict.fromkeys(one.file for one in self.placed))


def arrange(
    videos: Sequence[VideoSummary], sightings: Sequence[Sighting], cards_a_page: int = CARDS_A_PAGE
) -> tuple[ArrangedVideo, ...]:
    """The videos that were read, or that an earlier run has sightings of; each content once.

    All cards stand on the first page where they have room there, else those of each video on pages of its own.
    """
    own: dict[str, list[Sighting]] = defaultdict(list)
    for one in sightings:
        own[one.video_id].append(one)
    summaries: dict[str, VideoSummary] = {}
    for video in videos:
        if video.status in READ or video.video_id in own:
            summaries.setdefault(video.video_id, video)
    chars = telling_chars(own)
    per_page = None if len(sightings) <= cards_a_page else cards_a_page
    return tuple(
        _video(number, video_id, summaries.get(video_id), own.get(video_id, []), chars, per_page)
        for number, video_id in enumerate(dict.fromkeys([*summaries, *own]), start=1)
    )


def _video(
    number: int,
    video_id: str,
    summary: VideoSummary | None,
    sightings: Sequence[Sighting],
    chars: int,
    per_page: int | None,
) -> ArrangedVideo:
    ranks = {standing: rank for rank, standing in enumerate(Standing)}
    ordered = sorted(
        sightings, key=lambda one: (ranks[standing_of(one)], one.first_s, one.track_id, one.part)
    )
    placed = tuple(
        Placed(
            one,
            public_id(one.video_id, one.track_id, one.part, chars),
            INDEX if per_page is None else page_name(number, place // per_page + 1),
        )
        for place, one in enumerate(ordered)
    )
    known = next((one.video for one in sightings if one.video), None)
    return ArrangedVideo(
        number, video_id, summary.filename if summary else known or video_id, summary, placed
    )


def page_name(number: int, sheet: int) -> str:
    """File of a page of a video, sheets counting from 1."""
    return f"video-{number}.html" if sheet == 1 else f"video-{number}-{sheet}.html"
