"""What the first page of a report tells: the run in numbers, its videos, its charts, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashcam_pipeline.report.arranging import ArrangedVideo
from dashcam_pipeline.report.cards import Card, Standing
from dashcam_pipeline.report.charts import Histogram, Measured, confidence_histogram, width_histogram
from dashcam_pipeline.report.timeline import Timeline, timeline
from dashcam_pipeline.report.track_map import TrackMap, track_map
from dashcam_pipeline.report.wording import DOUBTFUL_SOURCES, TIME_SOURCES, moment
from dashcam_pipeline.storage.results.reading import RunSummary, VideoSummary
from dashcam_pipeline.storage.results.reporting import Footage, MadeWith
from dashcam_pipeline.storage.rows import DeadLetterRow, VideoStatus
from dashcam_pipeline.vision.reasons import in_words

OF_ANOTHER_RUN = "of an earlier run"
ADVICE = {
    VideoStatus.FAILED: "Nothing of it could be read. Try to play it in a video player: where that works too, "
    "`dashcam retry` reads it again; else copy it from the card once more.",
    VideoStatus.PARTIAL: "What was readable is in this report. Where the original is whole, copy it again and call "
    "the same `dashcam run` once more.",
    VideoStatus.STOPPED: "The run was stopped before its end: the same `dashcam run` again continues it.",
    VideoStatus.SKIPPED: "It was left out on purpose. Where that is wrong, the reason says what to change.",
    VideoStatus.QUEUED: "The run has not come to it: the same `dashcam run` again continues.",
    VideoStatus.RUNNING: "It is being read, or the run was ended hard: the same `dashcam run` again continues.",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why sightings have no plate."""

    key: str
    count: int
    share: float  # of the most frequent, 0..1
    meaning: str
    advice: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file that was not read to its end."""

    filename: str
    path: str
    status: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Pieces of work on one video that failed in the same way."""

    filename: str
    stage: str
    count: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPart:
    """A video with its sightings."""

    number: int  # from 1
    filename: str
    path: str
    status: str
    duration_s: float | None
    picture: str | None  # "1280 × 720"
    recorded: str | None  # wall time of its beginning
    recorded_by: str | None  # where that comes from, and what is doubtful about it
    position_note: str | None
    cards: tuple[Card, ...]  # those with a plate first
    plates: int
    files: tuple[str, ...]  # pages that have its cards
    timeline: Timeline
    track: TrackMap | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole run."""

    run: RunSummary
    made_with: MadeWith
    began: str | None
    ended: str | None
    video_s: float
    files: int  # videos that the report is about
    states: tuple[tuple[str, int], ...]  # of these, with their number
    videos: tuple[VideoPart, ...]
    confidence: Histogram
    widths: Histogram
    reasons: tuple[Reason, ...]
    troubles: tuple[Trouble, ...]
    given_up: tuple[GivenUp, ...]
    missing_pictures: int

    @property
    def cards(self) -> list[Card]:
        return [card for video in self.videos for card in video.cards]

    @property
    def plates(self) -> int:
        return sum(video.plates for video in self.videos)

    @property
    def different_plates(self) -> int:
        return len({card.text for card in self.cards if card.standing is Standing.CLAIM})

    @property
    def guesses(self) -> int:
        return sum(card.standing is Standing.GUESS for card in self.cards)

    @property
    def alerts(self) -> list[Card]:
        return [card for card in self.cards if card.alert is not None]


def overview(
    run: RunSummary,
    made_with: MadeWith,
    videos: Sequence[VideoSummary],
    footage: Sequence[Footage],
    dead: Sequence[DeadLetterRow],
    arranged: Sequence[ArrangedVideo],
    cards: Mapping[str, Card],
) -> Overview:
    """The first page of a report.

    Args:
        videos: of the run, those that the report is about.
        footage: of the same videos.
        arranged: those that are shown, with what is shown of them.
        cards: of their sightings, by key.
    """
    places = {one.video_id: one for one in footage}
    parts = tuple(
        _part(video, places.get(video.video_id), [cards[one.key] for one in video.placed if one.key in cards])
        for video in arranged
    )
    states = Counter(
        OF_ANOTHER_RUN if _was_read_before(places.get(video.video_id)) else str(video.status)
        for video in videos
    )
    return Overview(
        run=run,
        made_with=made_with,
        began=moment(run.started_at.astimezone()),
        ended=moment(run.finished_at.astimezone()) if run.finished_at else None,
        video_s=sum(part.duration_s or 0.0 for part in parts),
        files=len(videos),
        states=tuple(sorted(states.items(), key=lambda one: (-one[1], one[0]))),
        videos=parts,
        confidence=confidence_histogram(
            Measured(card.confidence, card.standing is Standing.CLAIM)
            for card in cards.values()
            if card.confidence is not None
        ),
        widths=width_histogram(
            [
                Measured(card.plate_px, card.standing is Standing.CLAIM)
                for card in cards.values()
                if card.plate_px is not None
            ]
        ),
        reasons=_reasons(cards.values()),
        troubles=tuple(
            _trouble(video)
            for video in videos
            if video.status != VideoStatus.DONE and not _was_read_before(places.get(video.video_id))
        ),
        given_up=_given_up(dead, {video.video_id: video.filename for video in videos}),
        missing_pictures=sum(card.pictures.missing for card in cards.values()),
    )


def _part(video: ArrangedVideo, footage: Footage | None, cards: Sequence[Card]) -> VideoPart:
    size = f"{footage.width} × {footage.height}" if footage and footage.width and footage.height else None
    duration_s = footage.duration_s if footage else None
    own = video.summary is not None and not _was_read_before(footage)
    started_at = footage.started_at if footage and footage.time_source not in DOUBTFUL_SOURCES else None
    return VideoPart(
        number=video.number,
        filename=video.filename,
        path=video.summary.path if video.summary else video.filename,
        status=str(video.summary.status) if video.summary and own else OF_ANOTHER_RUN,
        duration_s=duration_s,
        picture=size,
        recorded=moment(footage.started_at) if footage else None,
        recorded_by=_recorded_by(footage) if footage else None,
        position_note=footage.position_note if footage else None,
        cards=tuple(cards),
        plates=sum(card.standing is Standing.CLAIM for card in cards),
        files=video.files,
        timeline=timeline(cards, duration_s, started_at),
        track=track_map(footage.track if footage else (), cards),
    )


def _was_read_before(footage: Footage | None) -> bool:
    """Whether a run skipped the video because an earlier one had read it: nothing is missing."""
    return footage is not None and footage.of_another_run


def _recorded_by(footage: Footage) -> str | None:
    if footage.time_source is None:
        return None
    source = TIME_SOURCES.get(footage.time_source, footage.time_source)
    return f"by {source}{f'; {footage.time_note}' if footage.time_note else ''}"


def _reasons(cards: Iterable[Card]) -> tuple[Reason, ...]:
    counts = Counter(card.reason_key for card in cards if card.reason_key is not None).most_common()
    most = counts[0][1] if counts else 1
    words = {key: in_words(key) for key, _ in counts}
    return tuple(
        Reason(key, count, count / most, words[key].meaning, words[key].advice) for key, count in counts
    )


def _trouble(video: VideoSummary) -> Trouble:
    advice = ADVICE.get(video.status, "")
    return Trouble(
        video.filename, video.path, str(video.status), video.reason or "no reason is known", advice
    )


def _given_up(dead: Sequence[DeadLetterRow], names: dict[str, str]) -> tuple[GivenUp, ...]:
    counts = Counter(
        (names.get(letter.video_id, letter.video_id), letter.category, letter.error) for letter in dead
    )
    return tuple(
        GivenUp(filename, stage, count, error) for (filename, stage, error), count in sorted(counts.items())
    )
