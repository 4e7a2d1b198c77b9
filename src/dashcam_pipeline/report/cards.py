"""A sighting as a card of the report shows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dashcam_pipeline.report.pictures import CardPictures
from dashcam_pipeline.report.wording import clock, degrees, moment_with_any_source, moment_with_source
from dashcam_pipeline.storage.results.explaining import Explanation
from dashcam_pipeline.storage.results.reading import Sighting
from dashcam_pipeline.storage.results.reporting import RaisedAlert
from dashcam_pipeline.vision.reasons import in_words

FOLDER = "sightings"  # of their own pages


class Standing(StrEnum):
    """How much the text of a sighting is worth; the order is that of the cards."""

    CLAIM = "claim"  # a plate
    GUESS = "guess"  # a text that is not sure enough
    NONE = "none"  # no text


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is shown of a sighting in lists. Times are in seconds of the video."""

    key: str  # what it is called, and its files
    file: str  # page that the card stands on
    page: str  # relative address of its own page
    standing: Standing
    text: str | None  # plate or best guess
    confidence: float | None  # 0..1
    reason: str | None  # why there is no plate, in words
    reason_key: str | None
    vehicle_class: str
    video: str  # file name
    video_id: str
    first_s: float
    last_s: float
    goes_on: bool  # in another file
    last_video: str
    reads: int
    agreeing_reads: int
    when: str | None  # wall time of its picture
    seen_at: str | None  # the same, always with what it goes by
    latitude: float | None
    longitude: float | None
    speed_kmh: float | None
    plate_px: float | None  # width of the plate in the picture
    pictures: CardPictures
    alert: RaisedAlert | None  # where its plate is on the watchlist

    @property
    def span(self) -> str:
        """From when to when: 0:04 to 0:09."""
        first, last = clock(self.first_s), clock(self.last_s)
        if self.goes_on:
            return f"{first} to {last} of {self.last_video}"
        return first if first == last else f"{first} to {last}"

    @property
    def where(self) -> str | None:
        if self.latitude is None or self.longitude is None:
            return None
        return degrees(self.latitude, self.longitude)

    @property
    def place(self) -> str | None:
        """Where the camera was, and how fast."""
        if self.where is None or self.speed_kmh is None:
            return self.where
        return f"{self.where}, {self.speed_kmh:.0f} km/h"

    @property
    def warning(self) -> str | None:
        """Of the watchlist."""
        if self.alert is None:
            return None
        like = f" (like {self.alert.spelling})" if self.alert.distance else ""
        return f"Watched plate{like}{f': {self.alert.note}' if self.alert.note else ''}"

    @property
    def name(self) -> str:
        """In a few words, for those who can't see the picture."""
        if self.standing is Standing.CLAIM:
            return f"{self.vehicle_class} {self.text}"
        if self.standing is Standing.GUESS:
            return f"{self.vehicle_class}, perhaps {self.text}"
        return f"{self.vehicle_class} without a plate"


def standing_of(seen: Sighting) -> Standing:
    if seen.plate:
        return Standing.CLAIM
    return Standing.GUESS if seen.best_guess else Standing.NONE


def card(
    seen: Sighting,
    explanation: Explanation,
    key: str,
    file: str,
    pictures: CardPictures,
    alert: RaisedAlert | None,
) -> Card:
    """The card of a sighting; see there."""
    box = explanation.sighting.plate_bbox
    return Card(
        key=key,
        file=file,
        page=f"{FOLDER}/{key}.html",
        standing=standing_of(seen),
        text=seen.plate or seen.best_guess,
        confidence=seen.confidence,
        reason=in_words(seen.reason).meaning if seen.reason else None,
        reason_key=seen.reason,
        vehicle_class=seen.vehicle_class,
        video=seen.video or seen.video_id,
        video_id=seen.video_id,
        first_s=seen.first_s,
        last_s=seen.last_s,
        goes_on=seen.last_video not in (None, seen.video),
        last_video=seen.last_video or "",
        reads=seen.reads,
        agreeing_reads=seen.agreeing_reads,
        when=moment_with_source(seen.ts, seen.time_source),
        seen_at=moment_with_any_source(seen.ts, seen.time_source),
        latitude=seen.latitude,
        longitude=seen.longitude,
        speed_kmh=seen.speed_kmh,
        plate_px=box[2] - box[0] if box else None,
        pictures=pictures,
        alert=alert,
    )
