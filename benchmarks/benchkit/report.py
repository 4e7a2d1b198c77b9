"""What was measured of one video, as lines of the table and as the JSON that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchkit.contenders import OwnRun, PeerRun, Row, lasting
from benchkit.parts import Share
from benchkit.table import Line
from benchkit.videos import BenchVideo
from dashcam_pipeline.bench.ideal import Ideal
from dashcam_pipeline.bench.part import Part
from score import Score, claims, score


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that was measured of one video. Own runs and the peer's were made in turn."""

    video: BenchVideo
    own: tuple[OwnRun, ...]
    peer: tuple[PeerRun, ...]  # empty where it was left out
    cores: int  # on which the following was measured
    decoding: tuple[Part, ...]  # alone, in several ways
    ideal: Ideal
    parts: tuple[Share, ...]

    @property
    def frames(self) -> int:
        return self.own[0].timings.frames

    @property
    def differing_columns(self) -> tuple[str, ...]:
        """Columns in which the rows of two runs differ; all of them where the runs have not as many rows."""
        first, *others = (lasting(run.rows) for run in self.own)
        found: set[str] = set()
        for rows in others:
            if len(rows) != len(first):
                found |= {name for row in (*first, *rows) for name in row}
            for one, other in zip(first, rows, strict=False):
                found |= {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
        return tuple(sorted(found))


def lines_of(measured: Measured) -> list[Line]:
    """The lines of a video, in their order."""
    return [*_own_lines(measured), *_peer_lines(measured), *_bounds(measured), *_shares(measured)]


def pair_ratios(measured: Measured) -> tuple[list[float], list[float]]:
    """For every pair, how many times as fast as the peer: whole commands, and working time against its loop."""
    pairs = list(zip(measured.own, measured.peer, strict=False))
    whole = [peer.took.wall_s / own.took.wall_s for own, peer in pairs]
    return whole, [peer.loop_s / own.timings.working_s for own, peer in pairs]


def cpu_ratios(measured: Measured) -> list[float]:
    """For every pair, how many times as much CPU time the peer's command took: what a busy host changes least."""
    return [peer.took.cpu_s / own.took.cpu_s for own, peer in zip(measured.own, measured.peer, strict=False)]


def notes_of(measured: Measured) -> list[str]:
    """What a table has no place for."""
    name, runs = measured.video.path.stem, measured.own
    memory = max(run.timings.peak_memory_mb for run in runs)
    first_s = median(run.timings.first_frame_s for run in runs)
    looked_at = runs[0].timings.frames_looked_at
    inferences = ", ".join(f"{count:,} {model}" for model, count in runs[0].timings.inferences.items())
    notes = [
        f"{name}: {measured.frames:,} frames, {looked_at:,} looked at; inferences: {inferences}",
        f"{name}: first frame looked at after {first_s:.2f} s; at most {memory:,.0f} MB of memory",
    ]
    least_cpu_s = measured.ideal.cpu_bound_s * measured.cores
    shares = [least_cpu_s / run.took.cpu_s for run in runs]
    notes.append(f"{name}: of the ideal by CPU time, run by run: {_listed(shares)}")
    unmeasured = sorted(
        model
        for model, count in runs[0].timings.inferences.items()
        if count and model not in measured.ideal.inference_s
    )
    if unmeasured:
        notes.append(f"{name}: the ideal is without {', '.join(unmeasured)}, which can't be measured alone")
    if len(runs) > 1:
        differing = measured.differing_columns
        told = f"NOT the same: {', '.join(differing)}" if differing else "the same"
        notes.append(f"{name}: the rows of {len(runs)} runs are {told}")
    whole, working = pair_ratios(measured)
    if whole:
        notes.append(
            f"{name}: × peer, pair by pair: whole command {_listed(whole)}, working time {_listed(working)}; "
            f"by CPU time {_listed(cpu_ratios(measured))}"
        )
    return notes


def as_json(measured: Measured) -> dict[str, Any]:
    """The figures of a video: the table's lines, and every run for itself."""
    whole, working = pair_ratios(measured)
    return {
        "name": measured.video.path.name,
        "frames": measured.frames,
        "lines": [asdict(line) for line in lines_of(measured)],
        "runs": [
            {
                "wall_s": run.took.wall_s,
                "cpu_s": run.took.cpu_s,
                "timings": asdict(run.timings),
                "rows": lasting(run.rows),
            }
            for run in measured.own
        ],
        "peer_runs": [
            {"wall_s": run.took.wall_s, "cpu_s": run.took.cpu_s, "loop_s": run.loop_s}
            for run in measured.peer
        ],
        "pair_ratios": {"whole": whole, "working": working, "cpu": cpu_ratios(measured)},
        "differing_columns": measured.differing_columns,
        "cores": measured.cores,
        "ideal": asdict(measured.ideal) | {"total_s": measured.ideal.total_s},
    }


def _line(measured: Measured, what: str, seconds: float, cpu_s: float | None = None, **more: Any) -> Line:
    """A line about the whole video."""
    return Line(
        video=measured.video.path.stem,
        what=what,
        seconds=seconds,
        frames_s=measured.frames / seconds if seconds else None,
        cpu_ms=None if cpu_s is None else cpu_s / measured.frames * 1e3,
        **more,
    )


def _own_lines(measured: Measured) -> list[Line]:
    """The two clocks of this project."""
    whole_s = median(run.took.wall_s for run in measured.own)
    working_s = median(run.timings.working_s for run in measured.own)
    whole, working = pair_ratios(measured)
    return [
        _line(
            measured,
            "this, whole command",
            whole_s,
            median(run.took.cpu_s for run in measured.own),
            to_peer=median(whole) if whole else None,
            of_ideal=measured.ideal.total_s / whole_s,
            score=_scored(measured.video, measured.own[0].rows),
        ),
        _line(
            measured,
            "this, first frame to last row",
            working_s,
            to_peer=median(working) if working else None,
            of_ideal=measured.ideal.total_s / working_s,
        ),
    ]


def _peer_lines(measured: Measured) -> list[Line]:
    """The two clocks of the peer."""
    runs = measured.peer
    if not runs:
        return []
    found, cpu_s = _scored(measured.video, runs[0].rows), median(run.took.cpu_s for run in runs)
    whole_s, loop_s = median(run.took.wall_s for run in runs), median(run.loop_s for run in runs)
    return [
        _line(measured, "peer, whole command", whole_s, cpu_s, to_peer=1.0, score=found),
        _line(measured, "peer, its loop over the frames", loop_s, to_peer=1.0),
    ]


def _bounds(measured: Measured) -> list[Line]:
    """What can't be passed."""
    ideal = measured.ideal
    ideal_cpu_s = ideal.cpu_bound_s * measured.cores
    return [
        *(_line(measured, part.name, part.wall_s, part.cpu_s) for part in measured.decoding),
        _line(measured, "bare inference", sum(ideal.inference_s.values())),
        _line(measured, "ideal: decode, then infer", ideal.total_s, ideal_cpu_s, of_ideal=1.0),
        _line(measured, "bound: no core ever idle", ideal.cpu_bound_s),
    ]


def _shares(measured: Measured) -> list[Line]:
    return [
        Line(
            video=measured.video.path.stem,
            what=part.name,
            times=part.times,
            each_ms=part.each_s * 1e3,
            seconds=part.times * part.each_s,
            cpu_ms=None if part.cpu_each_s is None else part.cpu_each_s * part.times / measured.frames * 1e3,
        )
        for part in measured.parts
    ]


def _scored(video: BenchVideo, rows: Sequence[Row]) -> Score | None:
    return score(video.truth, claims(rows)) if video.truth else None


def _listed(ratios: Sequence[float]) -> str:
    return ", ".join(f"{ratio:.2f}" for ratio in ratios)
