"""What was measured of one video, as lines of the table and as the JSON that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchkit.contenders import OwnRun, PeerRun, Row, lasting
from benchkit.ideal import Cost, Ideal
from benchkit.table import Line
from benchkit.videos import BenchVideo
from score import Score, claims, score

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of the work, measured alone; or a stage, as the run itself timed it."""

    name: str
    times: int  # in one run over the video
    each_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that was measured of one video. Own runs and the peer's were made in turn."""

    video: BenchVideo
    own: tuple[OwnRun, ...]
    peer: tuple[PeerRun, ...]  # empty where it was left out
    decode_one_thread: Cost
    ideal: Ideal
    parts: tuple[Part, ...]

    @property
    def frames(self) -> int:
        return self.own[0].timings.frames

    @property
    def same_rows(self) -> bool:
        """Whether all runs ended with the same rows."""
        first, *others = (lasting(run.rows) for run in self.own)
        return all(rows == first for rows in others)


def lines_of(measured: Measured) -> list[Line]:
    """The lines of a video, in their order."""
    ideal, frames = measured.ideal, measured.frames
    whole_s = median(run.took.wall_s for run in measured.own)
    working_s = median(run.timings.working_s for run in measured.own)
    cpu_s = median(run.took.cpu_s for run in measured.own)
    own_score = _scored(measured.video, measured.own[0].rows)

    def line(what: str, seconds: float, cpu_s: float | None = None, **more: Any) -> Line:
        return Line(
            video=measured.video.path.stem,
            what=what,
            seconds=seconds,
            frames_s=frames / seconds if seconds else None,
            cpu_ms=None if cpu_s is None else cpu_s / frames * 1e3,
            **more,
        )

    whole, working = pair_ratios(measured)
    return [
        line(
            "this, whole command",
            whole_s,
            cpu_s,
            to_peer=median(whole) if whole else None,
            of_ideal=ideal.in_turn_s / whole_s,
            score=own_score,
        ),
        line(
            "this, first frame to last row",
            working_s,
            to_peer=median(working) if working else None,
            of_ideal=ideal.in_turn_s / working_s,
        ),
        *_peer_lines(measured, line),
        line("decode only, 1 thread", measured.decode_one_thread.wall_s, measured.decode_one_thread.cpu_s),
        line(f"decode only, {ideal.cores} threads", ideal.decode.wall_s, ideal.decode.cpu_s),
        line("bare inference", ideal.inference.wall_s, ideal.inference.cpu_s),
        line(
            "ideal: decode, then inference",
            ideal.in_turn_s,
            ideal.decode.cpu_s + ideal.inference.cpu_s,
            of_ideal=1.0,
        ),
        line("bound: no core ever idle", ideal.overlapped_s, of_ideal=ideal.in_turn_s / ideal.overlapped_s),
        *(
            Line(
                video=measured.video.path.stem,
                what=part.name,
                times=part.times,
                each_ms=part.each_s * 1e3,
                seconds=part.times * part.each_s,
            )
            for part in measured.parts
        ),
    ]


def pair_ratios(measured: Measured) -> tuple[list[float], list[float]]:
    """For every pair, how many times as fast as the peer: whole commands, and working time against its loop."""
    pairs = list(zip(measured.own, measured.peer, strict=False))
    whole = [peer.took.wall_s / own.took.wall_s for own, peer in pairs]
    return whole, [peer.loop_s / own.timings.working_s for own, peer in pairs]


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
    if len(runs) > 1:
        notes.append(
            f"{name}: the rows of {len(runs)} runs are {'' if measured.same_rows else 'NOT '}the same"
        )
    whole, working = pair_ratios(measured)
    if whole:
        notes.append(
            f"{name}: × peer, pair by pair: whole command {_listed(whole)}, working time {_listed(working)}"
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
            {"wall_s": run.took.wall_s, "cpu_s": run.took.cpu_s, "timings": asdict(run.timings)}
            for run in measured.own
        ],
        "peer_runs": [
            {"wall_s": run.took.wall_s, "cpu_s": run.took.cpu_s, "loop_s": run.loop_s}
            for run in measured.peer
        ],
        "pair_ratios": {"whole": whole, "working": working},
        "same_rows": measured.same_rows,
        "ideal": asdict(measured.ideal)
        | {"in_turn_s": measured.ideal.in_turn_s, "overlapped_s": measured.ideal.overlapped_s},
    }


def _peer_lines(measured: Measured, line: Any) -> list[Line]:
    """The peer's two clocks."""
    if not measured.peer:
        return []
    runs = measured.peer
    found = _scored(measured.video, runs[0].rows)
    cpu_s = median(run.took.cpu_s for run in runs)
    return [
        line("peer, whole command", median(run.took.wall_s for run in runs), cpu_s, to_peer=1.0, score=found),
        line("peer, its loop over the frames", median(run.loop_s for run in runs), to_peer=1.0),
    ]


def _scored(video: BenchVideo, rows: Sequence[Row]) -> Score | None:
    return score(video.truth, claims(rows)) if video.truth else None


def _listed(ratios: Sequence[float]) -> str:
    return ", ".join(f"{ratio:.2f}" for ratio in ratios)
