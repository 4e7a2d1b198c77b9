"""What is done about the host before a run begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashcam_pipeline.batch import run
from dashcam_pipeline.config import FrameStoreSettings, Settings
from dashcam_pipeline.engine.frame_store import OWNER_LOCK
from dashcam_pipeline.errors import DiskUnavailable


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
