"""Why a plate was missed, and where a wrong row comes from: exactly one cause each, by how far the product came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from accuracykit.seen import ReadSeen, RowSeen, SearchSeen, Seen, ViewSeen
from accuracykit.truth import TruePlate, alike, holds, plate_under, truth_of
from score import Judged, Standing, judged

ENOUGH_FRAMES = 3
"""A vehicle that is found in fewer of the frames looked at can hardly be followed."""

FEW = 1 / 3
"""A smaller share of right reads leaves the vote no chance."""

MOST_TEXTS = 4  # told of a plate


class Cause(StrEnum):
    """What went wrong, in the order of the stages."""

    NOT_DETECTED = "not detected"  # no vehicle box covers the plate in enough of the frames looked at
    NOT_TRACKED = "not tracked"  # vehicle boxes, but no view of them was kept
    TOO_SMALL = "too small"  # the plate is narrower than can be read in all views
    NO_PLATE_FOUND = "no plate found"  # views were searched, and none showed the plate
    MISREAD = "misread"  # none or few of the reads are right
    VOTE_WRONG = "vote wrong"  # right reads were there, and lost
    NOT_CLAIMED = "not claimed"  # the right text is a best guess only
    JOINED = "joined"  # the reads are in the row of another sighting
    SPLIT = "split"  # the reads are in two rows; of a row: a second one of a sighting that has one
    NOT_A_PLATE = "not a plate"  # the row's box is over no known plate
    LABEL_DOUBTFUL = "label doubtful"  # nothing but O/0 or I/1 is different


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One line about one miss or one wrong row."""

    plate: str  # the true one of a miss, the text of a row
    cause: Cause
    detail: str
    first: int  # frames
    last: int
    is_row: bool  # a wrong row; else a missed sighting


def failures_of(
    plates: Sequence[TruePlate], rows: Sequence[RowSeen], seen: Seen, min_plate_px: int
) -> list[Failure]:
    """Every missed sighting, then every wrong or second row.

    Args:
        plates: the truth.
        rows: those of the run that is judged.
        seen: what the stages saw of the same drive.
        min_plate_px: the setting `vote.min_plate_px`.
    """
    case = _Case(plates, rows, seen, min_plate_px)
    scored = [plate for plate in plates if plate.scored]
    judgements = judged(truth_of(plates), [row.shown for row in case.claims])
    found = {one.sighting for one in judgements}
    missed = [case.missed(plate) for number, plate in enumerate(scored) if number not in found]
    bad = [
        case.bad_row(row, one)
        for row, one in zip(case.claims, judgements, strict=True)
        if one.standing in (Standing.WRONG, Standing.DUPLICATE)
    ]
    return missed + bad


class _Case:
    """One drive."""

    def __init__(
        self, plates: Sequence[TruePlate], rows: Sequence[RowSeen], seen: Seen, min_plate_px: int
    ) -> None:
        self._plates, self._rows, self._seen, self._min_plate_px = plates, rows, seen, min_plate_px
        self.claims = [row for row in rows if row.plate]
        self._shows = [  # the known plate that each search found
            None if one.plate is None else plate_under(plates, one.frame_idx, one.plate)
            for one in seen.searches
        ]

    def missed(self, plate: TruePlate) -> Failure:
        """Why a plate has no right row: the first stage that lost it."""
        cause, detail = (
            self._lost_before_search(plate) or self._lost_in_search(plate) or self._lost_in_vote(plate)
        )
        return Failure(
            plate=plate.text, cause=cause, detail=detail, first=plate.first, last=plate.last, is_row=False
        )

    def bad_row(self, row: RowSeen, judgement: Judged) -> Failure:
        """Where a wrong row, or a second one, comes from."""
        cause, detail = (
            (Cause.SPLIT, "a second row of this sighting")
            if judgement.standing is Standing.DUPLICATE
            else self._wrong(row)
        )
        return Failure(
            plate=row.plate or "",
            cause=cause,
            detail=f"{detail}; confidence {_number(row.confidence)}",
            first=row.first,
            last=row.last,
            is_row=True,
        )

    def _lost_before_search(self, plate: TruePlate) -> tuple[Cause, str] | None:
        boxes = {frame: box for frame, box in plate.boxes.items() if frame in self._seen.vehicles}
        covered = [
            frame
            for frame, box in boxes.items()
            if any(holds(found, box) for found in self._seen.vehicles[frame])
        ]
        share = f"a vehicle box in {len(covered)} of {len(boxes)} frames looked at"
        if self._views(plate):
            return None
        if len(covered) < ENOUGH_FRAMES:
            return Cause.NOT_DETECTED, share
        for track in self._seen.tracks:
            others = self._others_in(track.track_id, plate)
            if others and sum(track.first <= frame <= track.last for frame in covered) * 2 > len(covered):
                return Cause.JOINED, f"track {track.track_id} kept only views of {_listed(others)}"
        return Cause.NOT_TRACKED, f"{share}, no view of it was kept"

    def _lost_in_search(self, plate: TruePlate) -> tuple[Cause, str] | None:
        views = self._views(plate)
        widest_px = max(plate.boxes[view.frame_idx].width for view in views)
        found = self._found(plate)
        size = f"widest true plate {widest_px:.0f} px in {len(views)} views"
        if widest_px < self._min_plate_px:
            return Cause.TOO_SMALL, size
        if not any(view.searchable for view in views):
            return Cause.TOO_SMALL, f"{size}, the vehicle is too small for a search"
        frames = {view.frame_idx for view in views}
        tracks = {view.track_id for view in views}
        searched = [one for one in self._seen.searches if one.frame_idx in frames and one.track_id in tracks]
        if not found:
            instead = sum(one.plate is not None for one in searched)
            other = f", {instead} boxes elsewhere" if instead else ""
            aside = _counted([one.note for one in searched if one.note])
            put_aside = f", put aside: {aside}" if aside else ""
            return Cause.NO_PLATE_FOUND, f"{len(searched)} searches{other}{put_aside}; {size}"
        if not any(one.reads for one in found):
            widths = [one.plate.width for one in found if one.plate]
            return Cause.TOO_SMALL, f"found {len(found)} times, at most {max(widths):.0f} px wide"
        return None

    def _lost_in_vote(self, plate: TruePlate) -> tuple[Cause, str]:
        found = self._found(plate)
        reads = [read for one in found for read in one.reads]
        right = sum(read.text == plate.text for read in reads)
        told = f"{right} of {len(reads)} reads right: {_texts(reads)}"
        tracks = {one.track_id for one in found}
        here = self._rows_of(plate, tracks)
        holding = {one.track_id for one in found if any(read.text == plate.text for read in one.reads)}
        if len(holding) > 1 and not any(row.plate for row in here):
            return Cause.SPLIT, f"right reads in tracks {_listed(sorted(map(str, holding)))}; {told}"
        guesses = [row for row in here if row.best_guess == plate.text]
        if guesses:
            confidence, reason = _number(guesses[0].confidence), guesses[0].reason
            return Cause.NOT_CLAIMED, f"best guess, confidence {confidence}, {reason}; {told}"
        others = sorted({other for track_id in tracks for other in self._others_in(track_id, plate)})
        texts = [row.text for row in here if row.text]
        if others and all(text in others for text in texts):
            return (
                Cause.JOINED,
                f"with {_listed(others)} in track {_listed(sorted(map(str, tracks)))}; {told}",
            )
        if any(alike(text, plate.text) for text in texts):
            return Cause.LABEL_DOUBTFUL, f"row {_listed(texts)}; {told}"
        why_none = sorted({row.reason for row in here if row.reason and not row.text})
        won = f"row {_listed(texts)}; " if texts else f"no text: {_listed(why_none)}; " if why_none else ""
        if right < 2 or right < FEW * len(reads):
            return Cause.MISREAD, f"{won}{told}"
        return Cause.VOTE_WRONG, f"{won}{told}"

    def _wrong(self, row: RowSeen) -> tuple[Cause, str]:
        votes = [
            (search, shows)
            for search, shows in zip(self._seen.searches, self._shows, strict=True)
            if row.first <= search.frame_idx <= row.last
            and (row.track_id is None or search.track_id == row.track_id)
            and search.plate is not None
        ]
        said = [vote for vote in votes if any(read.text == row.plate for read in vote[0].reads)] or votes
        under = [shows for _, shows in said if shows is not None]
        if len(under) * 2 < len(said) or not said:
            search = said[0][0] if said else None
            where = _place(search) if search else "no search tells of it"
            return (
                Cause.NOT_A_PLATE,
                f"{where}, {len(said) - len(under)} of {len(said)} boxes over no known plate",
            )
        true = Counter(plate.text for plate in under).most_common(1)[0][0]
        doubtful = "" if any(plate.scored for plate in under) else " (a doubtful reading)"
        if alike(row.plate or "", true):
            return Cause.LABEL_DOUBTFUL, f"labelled {true}{doubtful}"
        shown = {shows.text for _, shows in votes if shows is not None}
        if len(shown) > 1:
            return Cause.JOINED, f"reads of {_listed(sorted(shown))}{doubtful}"
        reads = [read for search, _ in votes for read in search.reads]
        return Cause.MISREAD, f"it is {true}{doubtful}; reads: {_texts(reads)}"

    def _rows_of(self, plate: TruePlate, tracks: set[int]) -> list[RowSeen]:
        """The rows of these tracks while the plate is to be seen, or of whom they were joined to."""
        at_that_time = [row for row in self._rows if row.shown.overlaps(plate.shown)]
        texts = {read.text for one in self._found(plate) for read in one.reads}
        return [row for row in at_that_time if row.track_id in tracks] or [
            row for row in at_that_time if row.text in texts
        ]

    def _views(self, plate: TruePlate) -> list[ViewSeen]:
        """Kept views in which the plate lies in the vehicle's box."""
        return [
            view
            for track in self._seen.tracks
            for view in track.views
            if view.frame_idx in plate.boxes and holds(view.vehicle, plate.boxes[view.frame_idx])
        ]

    def _found(self, plate: TruePlate) -> list[SearchSeen]:
        """Searches that found this plate."""
        return [
            search for search, shows in zip(self._seen.searches, self._shows, strict=True) if shows is plate
        ]

    def _others_in(self, track_id: int, plate: TruePlate) -> list[str]:
        """Other known plates that were found on the same track."""
        return sorted(
            {
                shows.text
                for search, shows in zip(self._seen.searches, self._shows, strict=True)
                if search.track_id == track_id and shows is not None and shows is not plate
            }
        )


def _texts(reads: Sequence[ReadSeen]) -> str:
    return _counted([read.text or "nothing" for read in reads])


def _counted(texts: Sequence[str]) -> str:
    """The most frequent ones, with their number."""
    counts = sorted(Counter(texts).items(), key=lambda one: (-one[1], one[0]))
    more = f", {len(counts) - MOST_TEXTS} more" if len(counts) > MOST_TEXTS else ""
    return ", ".join(f"{text} × {count}" for text, count in counts[:MOST_TEXTS]) + more


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _place(search: SearchSeen) -> str:
    assert search.plate is not None
    box = search.plate
    return f"frame {search.frame_idx} at {box.x1:.0f},{box.y1:.0f}, {box.width:.0f} x {box.height:.0f} px"
