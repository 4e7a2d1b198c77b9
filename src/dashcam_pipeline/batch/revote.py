"""The plate of a vehicle that has several sightings: the vote is held again over the looks of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from dashcam_pipeline.config import VoteSettings
from dashcam_pipeline.storage.joining import StoredPart, StoredVote
from dashcam_pipeline.storage.retention.plate_hash import is_hashed
from dashcam_pipeline.storage.rows import LookRow
from dashcam_pipeline.vision.plates.grammar import open_grammar
from dashcam_pipeline.vision.plates.plate_quality import PlateQuality
from dashcam_pipeline.vision.types import Box, NoPlateReason, PlateRead
from dashcam_pipeline.vision.vote.ballots import LookResult
from dashcam_pipeline.vision.vote.voting import decide

FURTHEST = (
    NoPlateReason.UNREADABLE,
    NoPlateReason.CUT_OFF,
    NoPlateReason.PLATE_TOO_SMALL,
    NoPlateReason.NOT_ITS_PLATE,
    NoPlateReason.NO_PLATE_FOUND,
    NoPlateReason.TOO_SMALL,
    NoPlateReason.ERROR,
)
"""Why there is no text, the furthest that a look came first."""

LOOKS = TypeAdapter(tuple[LookRow, ...])
QUALITY = TypeAdapter(PlateQuality)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One sighting of the vehicle."""

    part: StoredPart
    vote: StoredVote
    start_s: float  # of its video, on the clock of the trip
    first_frame: int  # of its video, when the frames of the trip's files are counted through


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedVote:
    """What all looks together say."""

    final_plate: str | None
    best_guess: str | None
    plate_confidence: float | None
    no_plate_reason: str | None
    reads: int
    agreeing_reads: int
    char_votes: list[dict[str, float]]
    best_read: str | None
    plate_region: str | None
    plate_format: str | None
    confidence_parts: dict[str, float] | None

    @property
    def text(self) -> str | None:
        return self.final_plate or self.best_guess


def vote_again(seen: Sequence[Seen], settings: VoteSettings) -> JoinedVote:
    """Vote over the looks of all sightings of one vehicle.

    Where no look was kept of a sighting that has a text, or looks that this version does not understand (rows of other
    versions), or hashes instead of texts, the surest one speaks for all.
    """
    with_text = [one for one in seen if one.part.text]
    if not with_text:
        reasons = {one.part.no_plate_reason for one in seen}
        reason = next((str(one) for one in FURTHEST if one in reasons), seen[0].part.no_plate_reason)
        return _nothing_read(reason)
    if any(not _has_reads(one.vote) or is_hashed(one.part.text) for one in with_text):
        return _as_it_was(max(with_text, key=_sureness))
    try:
        results = [result for one in seen for result in _results(one)]
    except ValidationError:
        return _as_it_was(max(with_text, key=_sureness))
    return _decided(results, settings)


def _has_reads(vote: StoredVote) -> bool:
    return any(look.get("reads") for look in vote.looks)


def _sureness(seen: Seen) -> tuple[bool, float, str]:
    part = seen.part
    return (part.final_plate is not None, part.plate_confidence or 0.0, part.id)


def _decided(results: Sequence[LookResult], settings: VoteSettings) -> JoinedVote:
    verdict = decide(results, settings, open_grammar(settings))
    return JoinedVote(
        final_plate=verdict.plate,
        best_guess=verdict.best_guess,
        plate_confidence=verdict.confidence,
        no_plate_reason=verdict.reason,
        reads=verdict.looks,
        agreeing_reads=verdict.agreeing_looks,
        char_votes=list(verdict.char_votes),
        best_read=verdict.best_read,
        plate_region=verdict.region,
        plate_format=verdict.format,
        confidence_parts=verdict.grounds.features() if verdict.grounds else None,
    )


def _as_it_was(seen: Seen) -> JoinedVote:
    part, vote = seen.part, seen.vote
    return JoinedVote(
        final_plate=part.final_plate,
        best_guess=part.best_guess,
        plate_confidence=part.plate_confidence,
        no_plate_reason=part.no_plate_reason,
        reads=vote.reads,
        agreeing_reads=vote.agreeing_reads,
        char_votes=vote.char_votes,
        best_read=vote.best_read,
        plate_region=vote.plate_region,
        plate_format=vote.plate_format,
        confidence_parts=vote.confidence_parts,
    )


def _nothing_read(reason: str | None) -> JoinedVote:
    return JoinedVote(
        final_plate=None,
        best_guess=None,
        plate_confidence=None,
        no_plate_reason=reason,
        reads=0,
        agreeing_reads=0,
        char_votes=[],
        best_read=None,
        plate_region=None,
        plate_format=None,
        confidence_parts=None,
    )


def _results(seen: Seen) -> Iterator[LookResult]:
    """The looks at one sighting as the vote takes them, their frames and seconds counted through the trip."""
    for look in LOOKS.validate_python(seen.vote.looks):
        result = _result(look)
        yield replace(result, frame_idx=seen.first_frame + result.frame_idx, ts_s=seen.start_s + result.ts_s)


def _result(look: LookRow) -> LookResult:
    return LookResult(
        track_id=0,
        frame_idx=look.frame_idx,
        ts_s=look.ts_s,
        vehicle_box=Box(*look.car_bbox),
        searched=look.note != "not searched",
        in_full=look.in_full,
        plate_box=Box(*look.plate_bbox) if look.plate_bbox else None,
        plate_score=look.plate_score or 0.0,
        quality=QUALITY.validate_python(look.quality) if look.quality else None,
        reads=tuple(
            PlateRead(
                text=read.text,
                char_confidences=read.char_confidences,
                region=read.region,
                region_confidence=read.region_confidence,
                reader=read.reader,
                alternatives=read.alternatives,
            )
            for read in look.reads
        ),
        failed=look.note == "failed",
    )
