"""What is done about the host before a run begins, and what is written when it breaks off."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashcam_pipeline.batch import run
from dashcam_pipeline.batch.inputs import Inputs
from dashcam_pipeline.batch.records import RunRecords
from dashcam_pipeline.batch.resume import Plan
from dashcam_pipeline.config import FrameStoreSettings, Settings
from dashcam_pipeline.engine.frame_store import OWNER_LOCK
from dashcam_pipeline.errors import DiskUnavailable
from dashcam_pipeline.stages.records import VideoJob
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.rows import RunStatus


def test_frames_of_a_killed_run_go_before_the_disk_is_found_too_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "needed", lambda models: ())  # this is about the disk
    left = tmp_path / "frame_store" / "20260101-000000-dead"
    left.mkdir(parents=True)
    for name in (OWNER_LOCK, "0123456789abcdef-0000000.npy"):
        (left / name).touch()
    too_much = Settings(frame_store=FrameStoreSettings(min_free_mb=10**9))
    with pytest.raises(DiskUnavailable, match="free some space"):
        run.BatchRun(too_much, tmp_path, None).check_host()
    assert not left.exists()


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), RunStatus.STOPPED, None),
        (DiskUnavailable("the disk is full"), RunStatus.FAILED, "the disk is full"),
    ],
    ids=["stopped at once", "an error"],
)
def test_run_that_breaks_off_says_how(
    tmp_path: Path,
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: RunStatus,
    said: str | None,
) -> None:
    class Broken:
        def __init__(self, *plan: object) -> None:
            raise error

    monkeypatch.setattr(run, "Supervisor", Broken)
    database = Database(dsn, tmp_path, None)
    database.migrate()
    plan = Plan(run_id="run-1", continues=False, read=(VideoJob("a", tmp_path / "a.mp4", 1),))
    prepared = run.Prepared(plan, Inputs(plan.read, ()), ())
    with pytest.raises(type(error)):
        run.BatchRun(Settings(), tmp_path, dsn).run(prepared, database, lambda snapshot: None, 0)
    found = RunRecords(database, tmp_path).run("run-1")
    assert found is not None
    assert (found.status, found.error) == (status, said)
