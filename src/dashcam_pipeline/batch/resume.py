"""What a call of `dashcam run` has to do, given what earlier ones have left: decisions over records, without I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dashcam_pipeline.batch.fingerprints import Fingerprints
from dashcam_pipeline.batch.inputs import Inputs, path_id
from dashcam_pipeline.stages.records import VideoJob
from dashcam_pipeline.storage.resuming import CHANGED, Moved, Reading
from dashcam_pipeline.storage.rows import VideoStatus
from dashcam_pipeline.storage.text import storable


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user said about earlier runs."""

    resume: bool = False  # keep what is there, whatever settings or models it was made with
    restart: bool = False  # read everything anew
    retry_failed: bool = False  # read again what failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What earlier runs have left."""

    readings: tuple[Reading, ...]  # of the inputs' videos in any run, the latest last; without skipped ones
    work_dir: str
    host: str
    current_run: str | None = None  # what `current_run.json` names

    def is_ours(self, reading: Reading) -> bool:
        """Whether a run of this work dir wrote it: none is under way there, and its checkpoints are at hand."""
        here = reading.work_dir == self.work_dir and reading.host in (self.host, None, "")
        return here or reading.run_id == self.current_run


@dataclass(frozen=True, slots=True)
class Kept:
    """A video that is not read, because it has been."""

    video: VideoJob
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a call of `dashcam run` does."""

    run_id: str
    continues: bool  # an earlier run, under its id
    read: tuple[VideoJob, ...] = ()
    afresh: frozenset[str] = (
        frozenset()
    )  # ids of videos of `read` that begin at their start, checkpoint or not
    kept: tuple[Kept, ...] = ()
    left_out: tuple[Reading, ...] = ()  # unfinished videos of the run that are not among the inputs
    moved: tuple[Moved, ...] = ()
    changed: tuple[Reading, ...] = ()  # unfinished videos of the run whose file has another content now
    replaced: tuple[Reading, ...] = ()  # rows of the run at whose path another video lies now

    @property
    def known(self) -> int:
        """Videos of this call."""
        return len(self.read) + len(self.kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Results are there that were made with other settings or models: keep them, or read all anew?"""

    run_id: str  # the latest run of that kind
    videos: int  # of the inputs, that it concerns
    other_config: bool
    other_models: bool


def unfinished_run(videos: Sequence[VideoJob], before: Before) -> str | None:
    """The run of this work dir that is to be continued: the latest that has unfinished ones of the videos."""
    latest = _latest(before)
    open_ = [
        latest[video.video_id]
        for video in videos
        if video.video_id in latest and _is_open(latest[video.video_id], before)
    ]
    return max(open_, key=lambda reading: (reading.started_at, reading.run_id)).run_id if open_ else None


def make_plan(
    inputs: Inputs, before: Before, of_run: Sequence[Reading], now: Fingerprints, wish: Wish, new_run_id: str
) -> Plan | Question:
    """Decide what to read.

    Args:
        of_run: all rows of `unfinished_run`; empty when there is none.
        now: of the settings and models of this call.
        new_run_id: for a run that continues none.
    """
    if wish.restart:
        return Plan(run_id=new_run_id, continues=False, read=inputs.jobs)
    latest = _latest(before)
    run_id = unfinished_run(inputs.jobs, before)
    question = _question([r for v in inputs.jobs if (r := latest.get(v.video_id))], before, now)
    if question is not None and not wish.resume:
        return question
    read, kept, afresh = [], [], set()
    for video in inputs.jobs:
        reading = latest.get(video.video_id)
        if reading is not None and not reading.unfinished:
            if not (wish.retry_failed and reading.went_wrong):
                kept.append(Kept(video, reading))
                continue
            afresh.add(video.video_id)
        elif reading is not None and reading.run_id != run_id:
            afresh.add(video.video_id)
        read.append(video)
    plan = Plan(
        run_id=run_id or new_run_id,
        continues=run_id is not None,
        read=tuple(read),
        afresh=frozenset(afresh),
        kept=tuple(kept),
        moved=tuple(_moved(inputs.jobs, [*latest.values(), *of_run], before)),
    )
    return plan if run_id is None else _with_changes(plan, inputs, of_run)


def to_retry(of_run: Sequence[Reading]) -> list[Reading]:
    """The videos of a run that `dashcam retry` reads: what went wrong, and what it has begun to retry but not ended."""
    return [row for row in of_run if row.went_wrong or (row.unfinished and row.reason != CHANGED)]


def plan_retry(run_id: str, of_run: Sequence[Reading], found: Sequence[VideoJob]) -> Plan:
    """Read again, under the same run, the files `found` of videos to retry.

    What went wrong begins at its start; what was cut short goes on where it was.
    """
    cut_short = {row.video_id for row in of_run if row.unfinished and not row.went_wrong}
    afresh = frozenset(video.video_id for video in found) - cut_short
    plan = Plan(run_id=run_id, continues=True, read=tuple(found), afresh=afresh)
    return _with_changes(plan, Inputs(tuple(found), ()), of_run)


def _latest(before: Before) -> dict[str, Reading]:
    """The latest reading of each video that counts.

    A run of another work dir that only had the video on its list has changed nothing of it.
    """
    return {
        reading.video_id: reading
        for reading in before.readings
        if not reading.unfinished or reading.begun or before.is_ours(reading)
    }


def _is_open(reading: Reading, before: Before) -> bool:
    return reading.unfinished and before.is_ours(reading)


def _question(latest: Iterable[Reading], before: Before, now: Fingerprints) -> Question | None:
    """Whether what is there was made in another way. What another work dir left unfinished is read anew anyway."""
    others = [
        reading
        for reading in latest
        if (not reading.unfinished or _is_open(reading, before))
        and (reading.config_fingerprint, reading.model_fingerprint) != (now.config, now.models)
    ]
    if not others:
        return None
    last = max(others, key=lambda reading: (reading.started_at, reading.run_id))
    return Question(
        run_id=last.run_id,
        videos=len({reading.video_id for reading in others}),
        other_config=last.config_fingerprint != now.config,
        other_models=last.model_fingerprint != now.models,
    )


def _moved(videos: Sequence[VideoJob], readings: Iterable[Reading], before: Before) -> Iterable[Moved]:
    """The readings, by runs of this work dir, of videos that are called otherwise now."""
    path_of = {video.video_id: str(video.path) for video in videos}
    seen = set()
    for reading in readings:
        new_path = path_of.get(reading.video_id)
        key = (reading.run_id, reading.path, reading.video_id)
        if new_path is None or key in seen or reading.status is VideoStatus.SKIPPED:
            continue
        seen.add(key)
        if before.is_ours(reading) and reading.path != storable(new_path):
            yield Moved(
                run_id=reading.run_id,
                video_id=reading.video_id,
                old_path=reading.path,
                new_path=new_path,
            )


def _with_changes(plan: Plan, inputs: Inputs, of_run: Sequence[Reading]) -> Plan:
    """The plan, with what becomes of the run's rows that are not of these inputs."""
    ids = {video.video_id for video in inputs.jobs}
    path_of_now = {storable(str(video.path)): video.video_id for video in inputs.jobs}
    path_of_now.update({storable(row.path): row.video_id for row in inputs.skipped})
    left_out, changed, replaced = [], [], []
    for reading in of_run:
        if reading.video_id in ids and reading.status is not VideoStatus.SKIPPED:
            continue
        content_now = path_of_now.get(reading.path)
        if content_now is None or content_now == reading.video_id:
            if reading.unfinished and reading.reason != CHANGED:
                left_out.append(reading)
        elif reading.unfinished and reading.video_id != path_id(Path(reading.path)):
            changed.append(reading)
        elif reading.unfinished or reading.status in (VideoStatus.SKIPPED, VideoStatus.FAILED):
            replaced.append(reading)
    return replace(plan, left_out=tuple(left_out), changed=tuple(changed), replaced=tuple(replaced))
