"""Lays a track on the time of its video: which second of the video a fix belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from dashcam_pipeline.sources.clock import IN_WORDS, Clock
from dashcam_pipeline.sources.positions.raw import Axis, RawTrack, moment
from dashcam_pipeline.sources.positions.track import HOLD_S, Fix, PositionTrack

SAME_LENGTH_S = 3.0
"""A log that was recorded with a video is as long, up to so much."""
SAME_LENGTH_SHARE = 0.05
SAMPLES = 60
"""Moments of a video at which a log is asked for a position, to say how much of the video it covers."""
AS_GOOD = 0.9
"""Where the clock has the video already, another zone must cover clearly more of it."""
HOUR_S = 3600.0
ZONES_H = (
    *range(-12, 15),
    *(-9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 5.75, 6.5, 8.75, 9.5, 10.5, 12.75, 13.75),
)
"""All zones of the world, summer time with them, in hours ahead of UTC."""
KNOWN_ZONES = ("setting", "gps", "container")
"""What says a zone is believed, unless the log has nothing at all then."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """Where a log lies on the video, or why it does not."""

    begins_s: float | None  # on the track's axis: when the video begins; None: not found
    offset_moved_min: int = 0  # the camera's zone is so much further east than its clock was taken to be
    is_exact: bool = False  # the log began with the video: its time is that of the video
    note: str = ""


def align(
    raw: RawTrack, cleaned: Sequence[Fix], clock: Clock | None, duration_s: float | None, max_gap_s: float
) -> Aligned:
    """Find the moment of a log at which the video began.

    1. A log that is as long as the video was recorded with it: both begin together.
    2. By the video's own clock, if the log has positions then.
    3. By that clock in another zone, summer or winter time: the zone in which the log covers most of the video; of
       several, a whole number of hours before others, then the nearest. Only for clocks that show local time.

    Args:
        raw: not of the axis VIDEO.
        cleaned: its fixes, on its axis.
        clock: of the video, made without this log.
        duration_s: of the video.
        max_gap_s: between fixes further apart there is no position.
    """
    first_s = cleaned[0].t_s if raw.first_s is None else min(raw.first_s, cleaned[0].t_s)
    last_s = cleaned[-1].t_s if raw.last_s is None else max(raw.last_s, cleaned[-1].t_s)
    length_s = last_s - first_s
    if duration_s and abs(length_s - duration_s) <= max(SAME_LENGTH_S, SAME_LENGTH_SHARE * duration_s):
        return Aligned(first_s, is_exact=True, note="as long as the video: both begin together")
    if raw.axis is Axis.DAY:
        return Aligned(None, note=f"has no date, and is {length_s:.0f} s long: {_the_video(duration_s)}")
    if clock is None:
        return Aligned(None, note="can't be laid on the video: nothing says when that was recorded")
    log = PositionTrack(tuple(cleaned), raw.source, max_gap_s)
    begins_s = clock.started_at.timestamp()
    covered = {shift_s: _covered(log, begins_s - shift_s, duration_s or 0.0) for shift_s in _shifts(clock)}
    best_s = max(covered, key=lambda shift_s: (covered[shift_s], shift_s % HOUR_S == 0.0, -abs(shift_s)))
    if covered[0.0] and (clock.zone_source in KNOWN_ZONES or covered[0.0] >= AS_GOOD * covered[best_s]):
        return Aligned(begins_s)
    if not covered[best_s]:
        return Aligned(None, note=_elsewhere(first_s, last_s, clock))
    as_good = sum(share >= AS_GOOD * covered[best_s] for share in covered.values())
    return Aligned(begins_s - best_s, round(best_s / 60.0), note=_moved_note(best_s, as_good))


def laid(cleaned: Sequence[Fix], begins_s: float, duration_s: float | None, max_gap_s: float) -> list[Fix]:
    """The fixes of a log in seconds of the video, without those that are of no use for it."""
    first_s, last_s = -max_gap_s - HOLD_S, (duration_s or inf) + max_gap_s + HOLD_S
    return [
        replace(fix, t_s=fix.t_s - begins_s) for fix in cleaned if first_s <= fix.t_s - begins_s <= last_s
    ]


def _shifts(clock: Clock) -> Iterator[float]:
    """How much further east the camera's zone may be than it was taken to be, in seconds."""
    if clock.time_source == "file":  # the host wrote it, in UTC
        yield 0.0
        return
    taken_h = (clock.utc_offset_min or 0) / 60.0 if clock.time_source != "container" else 0.0
    yield 0.0
    yield from ((zone_h - taken_h) * HOUR_S for zone_h in ZONES_H if zone_h != taken_h)


def _covered(log: PositionTrack, begins_s: float, duration_s: float) -> float:
    """The share of a video that a log has positions for."""
    step_s = duration_s / SAMPLES
    return sum(log.at(begins_s + (index + 0.5) * step_s) is not None for index in range(SAMPLES)) / SAMPLES


def _the_video(duration_s: float | None) -> str:
    return "the video's length is unknown" if not duration_s else f"the video is {duration_s:.0f} s long"


def _elsewhere(first_s: float, last_s: float, clock: Clock) -> str:
    first, last = (f"{at:%Y-%m-%d %H:%M}" if (at := moment(s)) else "?" for s in (first_s, last_s))
    began = f"{clock.started_at:%Y-%m-%d %H:%M} UTC by {IN_WORDS[clock.time_source]}"
    return f"is of {first} to {last} UTC; the video began at {began}, and no time zone brings them together"


def _moved_note(moved_s: float, as_good: int) -> str:
    hours = f"{abs(moved_s) / HOUR_S:g} h {'ahead of' if moved_s > 0 else 'behind'}"
    text = f"covers the video if the camera's clock was {hours} where it was taken to be"
    return f"{text}; {as_good - 1} other zones fit as well: journey.zone says which" if as_good > 1 else text
