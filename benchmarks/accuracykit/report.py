"""The whole benchmark as text: the table of the drives, causes, every miss, stills, confidence, parts switched off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accuracykit.ablations import EVERYTHING, Ablated
from accuracykit.before import Before
from accuracykit.causes import Cause
from accuracykit.drives import DriveResult, total
from accuracykit.plateless import DOUBTFUL_BELOW, PlatelessResult
from accuracykit.reliability import SURE, Bin, Point, binned, calibration_error, sure_ones, wilson
from accuracykit.stills import StillsResult
from benchkit.table import figure, markdown
from score import Score

STILLS_GOALS = {"us": 0.87, "eu": 0.95, "br": 0.95}
SURE_GOAL = 0.97
ALL = "all"
DRIVE_HEADER = (
    "drive",
    "plates",
    "rows",
    "found",
    "recall",
    "precision",
    "f1",
    "duplicates",
    "wrong rows",
    "s",
)
BEFORE_HEADER = ("before: recall", "precision", "f1", "s")
DIAGRAM = "reliability.svg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was measured."""

    drives: tuple[DriveResult, ...]
    stills: tuple[StillsResult, ...] = ()
    plateless: tuple[PlatelessResult, ...] = ()
    ablations: tuple[Ablated, ...] = ()
    before: Before | None = None  # an earlier version

    @property
    def points(self) -> list[Point]:
        return [point for drive in self.drives for point in drive.points]


def text(report: Report, images: str | None = None) -> str:
    """The report as Markdown; `images`: the folder of the diagram, as seen from the document, where there is one."""
    parts: list[str] = []
    if report.drives:
        parts += ["## Drives", drive_table(report.drives, report.before), *_notes(report.drives)]
        parts += ["## Causes", cause_table(report.drives), failure_table(report.drives)]
        parts += ["## Confidence", *_confidence(report.points)]
        if images is not None:
            parts.append(f"![Share of right rows by confidence]({images}/{DIAGRAM})")
    if report.ablations:
        parts += ["## Parts switched off", ablation_table(report.ablations)]
    if report.stills:
        parts += ["## Stills", stills_table(report.stills, report.before), stills_misses(report.stills)]
    if report.plateless:
        parts += ["## Videos without a readable plate", plateless_table(report.plateless)]
    return "\n\n".join(part for part in parts if part)


def drive_table(drives: Sequence[DriveResult], before: Before | None = None) -> str:
    """A line a drive, and one of all."""
    lines = [(one.name, one.score, one.seconds) for one in drives]
    if len(drives) > 1:
        lines.append((ALL, total([one.score for one in drives]), _sum([one.seconds for one in drives])))
    header, rows = list(DRIVE_HEADER), [_drive_cells(*line) for line in lines]
    if before is not None:
        header += BEFORE_HEADER
        old = [(before.scores.get(one.name), before.seconds.get(one.name)) for one in drives]
        if len(drives) > 1:
            known = [score for score, _ in old if score is not None]
            whole = total(known) if len(known) == len(drives) else None
            old.append((whole, _sum([seconds for _, seconds in old])))
        rows = [cells + _before_cells(*one) for cells, one in zip(rows, old, strict=True)]
    return markdown(header, rows, [True] + [False] * (len(header) - 1))


def cause_table(drives: Sequence[DriveResult]) -> str:
    """How often each cause was, for missed plates and for wrong rows."""
    missed = Counter(one.cause for drive in drives for one in drive.failures if not one.is_row)
    rows = Counter(one.cause for drive in drives for one in drive.failures if one.is_row)
    lines = [
        [cause.value, str(missed[cause] or ""), str(rows[cause] or "")]
        for cause in Cause
        if missed[cause] or rows[cause]
    ]
    if not lines:
        return "Nothing was missed, and no row is wrong."
    lines.append([ALL, str(missed.total()), str(rows.total())])
    return markdown(("cause", "missed plates", "wrong or second rows"), lines, [True, False, False])


def failure_table(drives: Sequence[DriveResult]) -> str:
    """Every missed plate and every wrong row with its cause."""
    lines = [
        [
            drive.name,
            "row" if one.is_row else "missed",
            one.plate,
            f"{one.first}-{one.last}",
            one.cause.value,
            one.detail,
        ]
        for drive in drives
        for one in drive.failures
    ]
    if not lines:
        return ""
    return markdown(("drive", "what", "plate", "frames", "cause", "detail"), lines, [True] * 6)


def bin_table(bins: Sequence[Bin]) -> str:
    """Rows by confidence."""
    lines = []
    for one in bins:
        interval = wilson(one.right, one.rows)
        told = f"{interval.low:.3f}-{interval.high:.3f}" if one.rows else ""
        mean = one.confidence if one.rows else None
        cells = [f"{one.low:g}-{one.high:g}", str(one.rows), str(one.right)]
        lines.append([*cells, figure(mean, 3), figure(one.share, 3), told])
    header = ("confidence", "rows", "right", "mean confidence", "share right", "95 % interval")
    return markdown(header, lines, [True] + [False] * 5)


def stills_table(stills: Sequence[StillsResult], before: Before | None = None) -> str:
    """A line a folder of photos."""
    lines = []
    for one in stills:
        number, goal = len(one.stills), STILLS_GOALS.get(one.name)
        lines.append(
            [
                one.name,
                str(number),
                str(one.right),
                f"{one.right / number:.3f}",
                figure(goal, 2),
                str(one.of_label),
                f"{(one.right + one.of_label) / number:.3f}",
            ]
        )
    header = ["photos", "plates", "exact", "share", "goal", "label doubtful", "share with these"]
    if before is not None:
        header.append("share before")
        for cells, one in zip(lines, stills, strict=True):
            cells.append(figure(before.stills.get(one.name), 3))
    return markdown(header, lines, [True] + [False] * (len(header) - 1))


def stills_misses(stills: Sequence[StillsResult]) -> str:
    """Every plate of the photos that was not read as its label says."""
    lines = [
        [folder.name, one.file, one.plate, one.read or "", one.cause.value, one.detail]
        for folder in stills
        for one in folder.stills
        if one.cause is not None
    ]
    header = ("photos", "file", "label", "read", "cause", "detail")
    return markdown(header, lines, [True] * len(header)) if lines else ""


def plateless_table(videos: Sequence[PlatelessResult]) -> str:
    """A line a video in which nothing can be read."""
    lines = []
    for one in videos:
        surest = one.surest
        told = ["", ""] if surest is None else [surest.text or "", figure(surest.confidence, 2)]
        claims = sum(row.plate is not None for row in one.rows)
        lines.append([one.name, str(len(one.rows)), str(claims), str(one.too_sure), *told])
    header = ("video", "vehicles", "claims", f"above {DOUBTFUL_BELOW:g}", "surest text", "confidence")
    return markdown(header, lines, [True, False, False, False, True, False])


def ablation_table(ablations: Sequence[Ablated]) -> str:
    """A line a part, over all drives, with the stages in one process."""
    whole = next((one.score for one in ablations if one.name == EVERYTHING), None)
    lines = []
    for one in ablations:
        if one.score is None:
            lines.append([one.name, "no such setting in this version", *[""] * 5])
            continue
        worth = f"{whole.f1 - one.score.f1:+.4f}" if whole and one.name != EVERYTHING else ""
        shares = [figure(value, 3) for value in (one.score.recall, one.score.precision, one.score.f1)]
        lines.append(
            [one.name, ", ".join(one.changes), *shares, worth, str(one.score.rows - one.score.right)]
        )
    header = ("", "settings", "recall", "precision", "f1", "worth in f1", "wrong rows")
    return markdown(header, lines, [True, True] + [False] * 5)


def _drive_cells(name: str, score: Score, seconds: float | None) -> list[str]:
    shares = [figure(value, 3) for value in (score.recall, score.precision, score.f1)]
    numbers = [str(value) for value in (score.sightings, score.rows, score.found)]
    bad = [str(score.duplicates), str(score.rows - score.right)]
    return [name, *numbers, *shares, *bad, figure(seconds, 1)]


def _before_cells(score: Score | None, seconds: float | None) -> list[str]:
    shares = [score.recall, score.precision, score.f1] if score else [None] * 3
    return [*(figure(value, 3) for value in shares), figure(seconds, 1)]


def _sum(seconds: Sequence[float | None]) -> float | None:
    """Of all drives; None where one is unknown."""
    known = [one for one in seconds if one is not None]
    return sum(known) if len(known) == len(seconds) else None


def _notes(drives: Sequence[DriveResult]) -> Iterator[str]:
    other = [one.name for one in drives if not one.same_rows]
    if other:
        yield (
            f"Causes come from the same stages in one process. On {', '.join(other)} the run's claims are not theirs, "
            "so a cause there may be off."
        )


def _confidence(points: Sequence[Point]) -> Iterator[str]:
    """Claims and best guesses together, then claims alone, then the sure ones."""
    claims = [point for point in points if point.claimed]
    for title, chosen in (("Claims and best guesses", points), ("Claims alone", claims)):
        bins = binned(chosen)
        error = calibration_error(bins)
        yield f"{title}, expected calibration error {'none' if error is None else f'{error:.3f}'}:"
        yield bin_table(bins)
    sure = sure_ones(points)
    if sure.share is None:
        yield f"No row has a confidence of {SURE:g} or more."
        return
    interval = wilson(sure.right, sure.rows)
    yield (
        f"Of {sure.rows} rows with a confidence of at least {SURE:g}, {sure.right} are right: {sure.share:.3f} "
        f"(95 % interval {interval.low:.3f}-{interval.high:.3f}; goal {SURE_GOAL:g})."
    )
    of_label = sum(point.label_doubtful for point in points if point.confidence >= SURE)
    if of_label:
        share = (sure.right + of_label) / sure.rows
        yield f"{of_label} of the wrong ones differ from their label by nothing but O/0 or I/1; with these {share:.3f}."
