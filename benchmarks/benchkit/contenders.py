"""One run of this project and one of the peer, each as the command that a user types."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchkit.commands import Took, run_command
from benchkit.timings import Timings, read_timings
from benchkit.trouble import BenchTrouble
from benchkit.videos import REPOSITORY
from dashcam_pipeline.config import Settings
from dashcam_pipeline.errors import DashcamError
from dashcam_pipeline.storage.postgres.embedded import EmbeddedServer
from dashcam_pipeline.weights import Role, resolve

Row = Mapping[str, Any]
"""A sighting as it is exported, or a plate of the peer."""

DASHCAM = (sys.executable, "-m", "dashcam_pipeline")
PEER_PYTHON = REPOSITORY / ".venv-peer" / "bin" / "python"
PEER_SCRIPT = REPOSITORY / "benchmarks" / "peer.py"
OF_ONE_RUN = ("run_id", "evidence", "plate_evidence", "frame_evidence", "strip_evidence")
"""Columns that name the run or its folder, and so differ between two runs."""


@dataclass(frozen=True, slots=True)
class OwnRun:
    """`dashcam run` in a fresh work dir."""

    took: Took
    timings: Timings
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class PeerRun:
    """The peer over one video."""

    took: Took
    frames: int
    loop_s: float  # its loop over the frames, without imports and loading
    rows: tuple[Row, ...]


def run_own(
    videos: Sequence[Path],
    folder: Path,
    *,
    options: Sequence[str] = (),
    cores: frozenset[int] | None = None,
) -> OwnRun:
    """Run `dashcam run` and `dashcam export` in a work dir that is removed afterwards.

    Args:
        videos: files or folders.
        folder: an empty folder that every user may enter: as root, the embedded database has a user of its own.
        options: more options of `dashcam run`.
        cores: the only ones it may use.

    Raises:
        BenchTrouble: a command failed.
    """
    work, timings, rows = folder / "work", folder / "timings.json", folder / "rows.json"
    own = {name: value for name, value in os.environ.items() if not name.startswith("DASHCAM_DSN")}
    own |= {"DASHCAM_STATE_DIR": str(folder / "state")}
    command: tuple[str | Path, ...] = (
        *DASHCAM,
        "run",
        *videos,
        "--work-dir",
        work,
        "--no-hud",
        "--timings",
        timings,
        *options,
    )
    try:
        took = run_command(command, folder / "run.log", environment=own, cores=cores)
        export: tuple[str | Path, ...] = (
            *DASHCAM,
            "export",
            "--work-dir",
            work,
            "--format",
            "json",
            "-o",
            rows,
        )
        run_command(export, folder / "export.log", environment=own)
        return OwnRun(took, read_timings(timings), tuple(json.loads(rows.read_text(encoding="utf-8"))))
    finally:
        EmbeddedServer(work).stop_if_unused(force=True)
        shutil.rmtree(work, ignore_errors=True)


def run_peer(video: Path, folder: Path, python: Path = PEER_PYTHON) -> PeerRun:
    """Run the peer on the models of the default settings.

    Raises:
        BenchTrouble: its environment or a model is missing, or it failed.
    """
    require_peer(python)
    models = Settings().models
    try:
        detector = resolve(models.plate_detector, Role.PLATE_DETECTOR)
        reader = resolve(models.reader_model, Role.PLATE_READER)
    except DashcamError as error:
        raise BenchTrouble(str(error)) from error
    rows = folder / "peer.json"
    took = run_command((python, PEER_SCRIPT, detector, reader, video, rows), folder / "peer.log")
    said = json.loads(took.output)
    return PeerRun(took, said["frames"], said["seconds"], tuple(json.loads(rows.read_text(encoding="utf-8"))))


def require_peer(python: Path = PEER_PYTHON) -> None:
    """Raises BenchTrouble where the peer's environment is missing, before anything else has taken its time."""
    if not python.is_file():
        raise BenchTrouble(
            f"the peer's environment is not there ({python}): `make peer` makes it, or --without-peer"
        )


def lasting(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows without what belongs to one run only, in a fixed order: equal for two runs with equal results."""
    kept = [{name: value for name, value in row.items() if name not in OF_ONE_RUN} for row in rows]
    return sorted(kept, key=lambda row: (str(row.get("id")), json.dumps(row, sort_keys=True)))
