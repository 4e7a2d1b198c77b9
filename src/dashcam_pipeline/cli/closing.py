"""What `dashcam run` prints when it is over: the videos, the sightings, and where the proof lies."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from dashcam_pipeline.batch.run import Prepared, Report
from dashcam_pipeline.cli.alerts_table import closing_lines
from dashcam_pipeline.cli.reasons import reasons_line
from dashcam_pipeline.cli.sightings_table import print_sightings
from dashcam_pipeline.cli.tables import PIPE_WIDTH
from dashcam_pipeline.engine.supervisor import RunEnd
from dashcam_pipeline.engine.wording import amount, span
from dashcam_pipeline.errors import EXIT_OK, EXIT_SOME_FAILED
from dashcam_pipeline.sources.names import shown
from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.proof.evidence_budget import FOLDER as EVIDENCE
from dashcam_pipeline.storage.proof.evidence_budget import MIB, Room, bytes_in, room_in
from dashcam_pipeline.storage.results.reading import (
    VideoSummary,
    count_without_pictures,
    find_run,
    iterate_sightings,
    list_videos,
)
from dashcam_pipeline.storage.rows import RunRow, VideoStatus
from dashcam_pipeline.storage.watching.alerts import alerts_of_run

MOST_VIDEOS = 40
MOST_RUNS = 3


def print_read_already(prepared: Prepared, database: Database, work_dir: Path) -> int:
    """Print what earlier runs found in videos that need no reading any more; the exit code by their state."""
    kept = prepared.plan.kept
    run_ids = sorted({one.reading.run_id for one in kept})
    with connect(database.url) as connection:
        found = []
        for run_id in run_ids:
            video_ids = [one.video.video_id for one in kept if one.reading.run_id == run_id]
            run = find_run(connection, run_id)
            found += [seen for seen in iterate_sightings(connection, run, video_ids, work_dir) if seen.plate]
    console = _console()
    print_sightings(console, found, work_dir)
    harmed = [one for one in kept if one.reading.status is not VideoStatus.DONE]
    for one in harmed[:MOST_VIDEOS]:
        line = f"{shown(Path(one.video.path.name))}: {one.reading.status}: {one.reading.reason or ''}"
        console.print(Text(line), soft_wrap=True)
    if len(harmed) > MOST_VIDEOS:
        console.print(f"… and {len(harmed) - MOST_VIDEOS} more: dashcam runs show")
    runs = f"run {', '.join(run_ids[-MOST_RUNS:])}{', …' if len(run_ids) > MOST_RUNS else ''}"
    retry = "; --retry-failed reads those that failed" if any(one.reading.went_wrong for one in kept) else ""
    console.print(
        Text(f"{_all(len(kept))} been read already ({runs}); --restart reads them anew{retry}"),
        soft_wrap=True,
    )
    return EXIT_SOME_FAILED if harmed else EXIT_OK


def print_closing(report: Report, database: Database, work_dir: Path) -> None:
    """Print the end of a run to standard output."""
    with connect(database.url) as connection:
        run = find_run(connection, report.run.run_id)
        videos = list_videos(connection, run.run_id)
        claimed = [seen for seen in iterate_sightings(connection, run, work_dir=work_dir) if seen.plate]
        without_pictures = count_without_pictures(connection, run.run_id)
        alerts = alerts_of_run(connection, run.run_id)
    console = _console()
    print_sightings(console, claimed, work_dir)
    troubled = [video for video in videos if video.status not in (VideoStatus.DONE, VideoStatus.SKIPPED)]
    for video in troubled[:MOST_VIDEOS]:
        console.print(Text(f"{video.filename}: {video.status}: {video.reason or ''}"), soft_wrap=True)
    if len(troubled) > MOST_VIDEOS:
        console.print(f"… and {len(troubled) - MOST_VIDEOS} more: dashcam runs show")
    for line in closing_lines(alerts):
        console.print(line, soft_wrap=True)
    console.print(Text(_summary(report, videos)), soft_wrap=True)
    console.print(Text(f"evidence pictures: {work_dir / EVIDENCE}"), soft_wrap=True)
    if without_pictures and _is_used_up(report.run, work_dir):
        console.print(Text(_left_out(without_pictures)), soft_wrap=True)
    if database.embedded:
        console.print(Text(f"database: our own, in {work_dir}; `dashcam db psql` opens it"), soft_wrap=True)
    else:
        console.print(Text(f"database: {database.safe_url}"), soft_wrap=True)


def _is_used_up(run: RunRow, work_dir: Path) -> bool:
    """Whether the evidence pictures take so much room that vehicles went without."""
    storage = (run.config or {}).get("storage")
    budget_mb = storage.get("evidence_mb") if isinstance(storage, dict) else None
    return budget_mb is not None and room_in(bytes_in(work_dir / EVIDENCE), budget_mb * MIB) is not Room.ALL


def _left_out(vehicles: int) -> str:
    whose = "1 vehicle has" if vehicles == 1 else f"{vehicles} vehicles have"
    return f"{whose} no pictures: those in this work dir reached storage.evidence_mb"


def _all(videos: int) -> str:
    return "the video has" if videos == 1 else f"all {videos} videos have"


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def _summary(report: Report, videos: list[VideoSummary]) -> str:
    last = report.result.last
    counts = {status: sum(video.status == status for video in videos) for status in VideoStatus}
    states = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    vehicles, plates = (sum(getattr(video, name) for video in videos) for name in ("vehicles", "plates"))
    how = {
        RunEnd.FINISHED: "finished"
        if report.ending.whole
        else "finished these videos; others of it are still unfinished",
        RunEnd.DRAINED: "stopped by the user; what was under way was finished; the same command again does the rest",
        RunEnd.ABANDONED: "stopped at once by the user; the same command again does the rest",
    }[report.result.end]
    parts = [
        f"run {report.run.run_id} {how}",
        f"videos: {states or 'none'}",
        f"{vehicles} vehicles, {plates} with a plate{_in_which(report.prepared)}",
        f"{span(last.elapsed_s)} ({last.realtime:.1f}× real time)",
        f"peak memory {amount(last.peak_rss_bytes)}, peak frame store {amount(last.queue.frames.peak_bytes)}",
    ]
    why = reasons_line(videos)
    if why is not None:
        parts.insert(3, why)
    if report.result.left_frames and report.result.end is not RunEnd.ABANDONED:
        parts.append(f"{len(report.result.left_frames)} frames were left over and removed")
    return "\n".join(parts)


def _in_which(prepared: Prepared) -> str:
    return ", in the videos read by this run" if prepared.plan.kept and not prepared.plan.continues else ""
