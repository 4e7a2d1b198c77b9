"""What `dashcam bench` has to say: tables for people, one JSON object for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.table import Table

from dashcam_pipeline.batch.timings import changed_settings
from dashcam_pipeline.bench.advice import Findings, Suggestion, as_yaml, binding
from dashcam_pipeline.bench.measuring import Measured
from dashcam_pipeline.bench.models import PLATE, PLATE_IN_FULL, TEXT, VEHICLE
from dashcam_pipeline.bench.part import Part
from dashcam_pipeline.bench.short_run import ShortRun
from dashcam_pipeline.engine.wording import span

VERSION = 1
MODEL_NAMES = {
    VEHICLE: "inference, vehicles",
    PLATE: "inference, plates",
    PLATE_IN_FULL: "inference, plates in full",
    TEXT: "inference, text",
}


def parts_table(measured: Measured) -> Table:
    """Every part alone: how long a piece takes, how many a second."""
    table = _table("the parts, each alone", "part", "ms each", "CPU ms each", "a second", "in the run")
    for part in measured.parts:
        _add(table, part, part.name, "")
    for name, part in measured.inferred.items():
        _add(table, part, MODEL_NAMES[name], f"{measured.run.inferences[name]:,}")
        if name in measured.inferred_bf16:
            _add(table, measured.inferred_bf16[name], "  the same in bf16", "")
    return table


def stages_table(measured: Measured, found: Findings) -> Table:
    """The stages of the real run."""
    run = measured.run
    frames = f"{run.frames:,} frame{'' if run.frames == 1 else 's'}, {run.frames_looked_at:,} looked at"
    title = f"a real run over {run.video_s:.1f} s of video: {frames}"
    table = _table(title, "stage", "by", "tasks", "batches", "worker s", "ms a task")
    for stage in run.stages:
        if stage.tasks:
            waits = stage.name == "READ"
            busy_s = max(0.0, stage.worker_s - run.readers_waited_s) if waits else stage.worker_s
            table.add_row(
                stage.name,
                found.workers_of[stage.name],
                f"{stage.tasks:,}",
                f"{stage.batches:,}",
                f"{busy_s:.2f}",
                "" if waits else f"{busy_s / stage.tasks * 1e3:.1f}",
            )
    return table


def sentences(measured: Measured, found: Findings) -> list[str]:
    """What it all comes to."""
    run, ideal = measured.run, measured.ideal
    if run.hour_s is None:
        looked_at = f"{run.frames_looked_at} frame{'' if run.frames_looked_at == 1 else 's'}"
        return [
            run_took(run),
            f"That was too short to say more ({looked_at} looked at, {run.video_s:.1f} s of video): name a longer "
            "video, or give more --seconds.",
        ]
    lines = [
        f"{binding(found).sentence}.",
        run_took(run),
        f"Decoding and these inferences alone would take {ideal.total_s:.2f} s "
        f"({ideal.decode_s:.2f} s and {ideal.total_s - ideal.decode_s:.2f} s): the run, with {run.working_s:.1f} s "
        f"from the first frame read to the last row, reached {measured.share_of_ideal:.0%} of that ideal.",
        f"An hour of such video takes about {span(run.hour_s)} here.",
    ]
    if measured.host.load > measured.host.cores * BUSY_HOST:
        lines.append(
            f"The host was busy with other work (load {measured.host.load:.1f} on {measured.host.cores} cores): "
            "on a quiet one the figures are better."
        )
    return lines


def run_took(run: ShortRun) -> str:
    """Three spans that follow each other, so that what is read adds up."""
    wall_s, start_s, steady_s = round(run.wall_s, 1), round(run.first_frame_s, 1), round(run.steady_s, 1)
    return (
        f"The run took {wall_s:.1f} s: {start_s:.1f} s until the first frame was looked at, {steady_s:.1f} s from then "
        f"to the last row, {max(0.0, wall_s - start_s - steady_s):.1f} s to end."
    )


BUSY_HOST = 1.5  # load a core, of which this bench itself makes about 1


def suggestion_lines(suggestions: list[Suggestion]) -> str:
    """The settings to paste, or why there are none."""
    if not suggestions:
        return "Nothing in these figures speaks for other settings."
    return f"Settings to try, as lines of a file for --config:\n\n{as_yaml(suggestions)}"


def as_json(measured: Measured, found: Findings, suggestions: list[Suggestion]) -> dict[str, Any]:
    """Everything, for programs."""
    info, too_short = measured.video, found.too_short
    return {
        "version": VERSION,
        "host": asdict(measured.host),
        "settings": changed_settings(measured.settings),
        "video": {
            "width": info.width,
            "height": info.height,
            "fps": info.fps,
            "codec": info.codec,
            "duration_s": info.duration_s,
        },
        "parts": [_part(part) for part in measured.parts],
        "inference": {name: _part(part) for name, part in measured.inferred.items()},
        "inference_bf16": {name: _part(part) for name, part in measured.inferred_bf16.items()},
        "run": dict(measured.run.written),
        "idle_cores": measured.run.idle,
        "too_short": too_short,
        "binding": None if too_short else asdict(binding(found)),
        "ideal": {
            "decode_s": measured.ideal.decode_s,
            "inference_s": dict(measured.ideal.inference_s),
            "total_s": measured.ideal.total_s,
            "cpu_bound_s": measured.ideal.cpu_bound_s,
        },
        "share_of_ideal": None if too_short else measured.share_of_ideal,
        "hour_of_video_s": measured.run.hour_s,
        "suggestions": [asdict(one) for one in suggestions],
    }


def _part(part: Part) -> dict[str, Any]:
    return {**asdict(part), "each_s": part.each_s, "cpu_each_s": part.cpu_each_s}


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        left = column in ("part", "stage", "by")
        table.add_column(column, justify="left" if left else "right", no_wrap=True)
    return table


def _add(table: Table, part: Part, name: str, in_run: str) -> None:
    each, cpu = f"{part.each_s * 1e3:.3f}", f"{part.cpu_each_s * 1e3:.3f}"
    table.add_row(name, each, cpu, f"{part.per_s:,.0f}", in_run)
