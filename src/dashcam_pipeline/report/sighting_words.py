"""A stored sighting in words and rows of text, for the screen and for the page alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dashcam_pipeline.report.origin import CONFIDENCE_MEANS, Fact, origin
from dashcam_pipeline.report.sighting_votes import disagreement, voting_reads
from dashcam_pipeline.report.wording import degrees, moment
from dashcam_pipeline.storage.results.explaining import Explained, Explanation, LooksOf
from dashcam_pipeline.storage.rows import LookRow, ReadRow
from dashcam_pipeline.vision.reasons import in_words, note_in_words
from dashcam_pipeline.vision.types import NoPlateReason

LOOK_COLUMNS = ("frame", "time", "plate px", "readable", "found", "by", "text", "sure", "weight", "vote")
RIGHT_ALIGNED = frozenset({"frame", "time", "plate px", "readable", "found", "sure", "weight"})
UNSEARCHED = "not searched"  # note of a look
LEGEND = {
    "plate px": "width of the plate",
    "readable": "how likely a read of such a picture is right",
    "found": "score of the plate detector",
    "sure": "the reader's mean confidence in its characters",
    "weight": "of its vote",
}


@dataclass(frozen=True, slots=True)
class LooksTable:
    """The looks at a vehicle, without the columns that would be empty."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def facts(explanation: Explanation, *, handed_on: bool = False) -> Iterator[Fact]:
    """What is known of a sighting, the most important first.

    Args:
        handed_on: to others, whom the folders of this host don't concern.
    """
    seen = explanation.sighting
    yield from _plate(seen)
    yield Fact("vehicle", seen.vehicle_class)
    yield from _where(explanation, handed_on)
    if seen.text is not None:
        yield Fact("format", seen.plate_format or "none that is known")
        yield Fact("region", f"{seen.plate_region} (the readers' guess)" if seen.plate_region else "unknown")
    if seen.best_read is not None:
        yield Fact("strongest read", f"{seen.best_read} (as the reader gave it)")
    if seen.plate_confidence is not None:
        yield Fact("confidence", "; ".join(_confidence(explanation)))
        yield Fact("which means", CONFIDENCE_MEANS)
    search = _search(explanation)
    if search is not None:
        yield Fact("search", search)
    if seen.confidence_parts:
        yield Fact("measured as", _numbers(seen.confidence_parts))
    yield from origin(explanation)


def readers(parts: tuple[LooksOf, ...]) -> dict[str, str]:
    """A letter for each reader: its name needs more room than a table has."""
    names = dict.fromkeys(read.reader for part in parts for look in part.looks for read in look.reads)
    return {name: chr(ord("A") + number) for number, name in enumerate(names)}


def looks_table(looks: tuple[LookRow, ...], letters: Mapping[str, str]) -> LooksTable:
    """A row a read; see `LOOK_COLUMNS`.

    Args:
        letters: of the readers, see `readers`.
    """
    rows = list(_look_rows(looks, letters))
    filled = [number for number in range(len(LOOK_COLUMNS)) if any(row[number] for row in rows)]
    return LooksTable(
        tuple(LOOK_COLUMNS[number] for number in filled),
        tuple(tuple(row[number] for number in filled) for row in rows),
    )


def legend(tables: Sequence[LooksTable], letters: Mapping[str, str]) -> str:
    """What the columns of these tables mean."""
    shown = {column for table in tables for column in table.columns}
    names = [f"by: {', '.join(f'{letter} {name}' for name, letter in letters.items())}"] if letters else []
    parts = [*names, *(f"{name}: {text}" for name, text in LEGEND.items() if name in shown)]
    return "".join(f"{part}. " for part in parts).rstrip()


def _plate(seen: Explained) -> Iterator[Fact]:
    sure = "" if seen.plate_confidence is None else f", confidence {seen.plate_confidence:.2f}"
    if seen.final_plate is not None:
        yield Fact("plate", f"{seen.final_plate}{sure}")
        return
    reason = seen.no_plate_reason or "unknown"
    words = in_words(reason)
    yield Fact("plate", f"none: {words.meaning} ({reason})")
    if seen.best_guess is not None:
        yield Fact("best guess", f"{seen.best_guess}{sure}")
    yield Fact("what to do", words.advice)


def _where(explanation: Explanation, handed_on: bool) -> Iterator[Fact]:
    seen = explanation.sighting
    name = seen.video_filename if handed_on else seen.video_path
    yield Fact("video", name or seen.video_id)
    yield Fact("seen", _seen(explanation))
    if seen.ts is not None:
        source = f" (from: {seen.time_source}; of the picture)" if seen.time_source else " (of the picture)"
        yield Fact("time of day", f"{moment(seen.ts)}{source}")
    if seen.latitude is not None and seen.longitude is not None:
        yield Fact("place", ", ".join(_place(seen)))
    if seen.part_of is not None:
        yield Fact("part of", f"sighting {seen.part_of}, which speaks for this one: they are one vehicle")
    if len(explanation.parts) > 1:
        yield Fact("made of", ", ".join(part.id for part in explanation.parts))
    if not seen.pictures():
        yield Fact("pictures", f"none: {without_pictures(explanation)}")
        return
    shown = seen.shown_video_filename
    of_other = f" of {shown}" if shown not in (None, seen.video_filename) else ""
    yield Fact("pictures", f"of frame {seen.frame_idx}{of_other}, at {seen.video_ts_frame:.1f} s")


def _place(seen: Explained) -> Iterator[str]:
    yield degrees(seen.latitude or 0.0, seen.longitude or 0.0)
    if seen.speed_kmh is not None:
        yield f"{seen.speed_kmh:.0f} km/h"
    if seen.heading_deg is not None:
        yield f"heading {seen.heading_deg:.0f} degrees"
    if seen.position_source is not None:
        yield f"from: {seen.position_source}"


def _seen(explanation: Explanation) -> str:
    """From when to when; in several files also how long, because the seconds of each begin anew."""
    seen = explanation.sighting
    if seen.until_video_filename in (None, seen.video_filename):
        return f"{seen.first_s:.1f} s to {seen.last_s:.1f} s (frames {seen.first_frame} to {seen.last_frame})"
    files = len({part.video for part in explanation.parts})
    return (
        f"{seen.first_s:.1f} s of {seen.video_filename} to {seen.last_s:.1f} s of {seen.until_video_filename} "
        f"(frames {seen.first_frame} and {seen.last_frame}): {seen.span_s:.1f} s over {files} files"
    )


def without_pictures(explanation: Explanation) -> str:
    """Why a sighting has no pictures, as far as its row tells."""
    seen = explanation.sighting
    if seen.no_plate_reason == NoPlateReason.ERROR:
        return "a stage failed on them"
    if seen.evidence_mb is None or not any(part.looks for part in explanation.parts):
        return "it is not known why"
    if seen.evidence_mb == 0:
        return "storage.evidence_mb is 0"
    return (
        f"those in the work dir had nearly reached storage.evidence_mb ({seen.evidence_mb}) when it was seen"
    )


def _search(explanation: Explanation) -> str | None:
    """That the search ended because enough reads agreed, where the row tells it."""
    seen = explanation.sighting
    if seen.enough_reads is None or seen.enough_confidence is None or seen.kept_views is None:
        return None
    searched = {
        look.frame_idx for part in explanation.parts for look in part.looks if look.note != UNSEARCHED
    }
    enough = (
        seen.agreeing_reads >= seen.enough_reads and (seen.plate_confidence or 0.0) >= seen.enough_confidence
    )
    whole = len(searched) >= seen.kept_views or len(explanation.parts) > 1
    if seen.final_plate is None or not enough or whole or not searched:
        return None
    return (
        f"{len(searched)} views; it ends when {seen.enough_reads} agree and the confidence is "
        f"{seen.enough_confidence:.2f} (looks.enough_reads, looks.enough_confidence)"
    )


def _confidence(explanation: Explanation) -> Iterator[str]:
    seen = explanation.sighting
    yield f"{seen.agreeing_reads} of {seen.reads} looks that voted have this text"
    voting = voting_reads(explanation)
    names = {read.reader for read in voting}
    agreeing = {read.reader for read in voting if read.agrees}
    if len(names) > 1:
        yield f"{len(agreeing)} of {len(names)} readers read it"
    yield from disagreement(explanation)
    if seen.claim_confidence is not None and seen.min_reads is not None:
        yield f"a plate is claimed from {seen.claim_confidence:.2f} and {seen.min_reads} agreeing looks on"


def _numbers(parts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in sorted(parts.items()))


def _look_rows(looks: tuple[LookRow, ...], letters: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    for look in looks:
        head = _look_cells(look)
        if not look.reads:
            yield (*head, "", "", "", "", _note(look) or "no text")
        for number, read in enumerate(look.reads):
            cells = head if number == 0 else ("",) * len(head)
            yield (*cells, letters[read.reader], *_read_cells(read, look))


def _look_cells(look: LookRow) -> tuple[str, ...]:
    readable = (look.quality or {}).get("readable")
    return (
        str(look.frame_idx),
        f"{look.ts_s:.1f} s",
        "" if look.plate_bbox is None else f"{look.plate_bbox[2] - look.plate_bbox[0]:.0f}",
        "" if readable is None else f"{readable:.2f}",
        "" if look.plate_score is None else f"{look.plate_score:.2f}",
    )


def _read_cells(read: ReadRow, look: LookRow) -> tuple[str, ...]:
    confidences = read.char_confidences
    sure = f"{sum(confidences) / len(confidences):.2f}" if confidences else ""
    return (read.text or "(none)", sure, f"{read.weight:.2f}", _vote(read, look))


def _note(look: LookRow) -> str:
    """A view that was searched twice has two looks."""
    note = note_in_words(look.note or "")
    return f"{note}, in full size" if note and look.in_full else note


def _vote(read: ReadRow, look: LookRow) -> str:
    if look.note:
        return _note(look)
    if read.weight <= 0:
        return "no vote"
    return "agrees" if read.agrees else "differs"
