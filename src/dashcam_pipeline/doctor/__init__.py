"""What this host has and lacks for a run, a finding at a time, each with what to do."""

from __future__ import annotations

from pathlib import Path

from dashcam_pipeline.config import Settings
from dashcam_pipeline.doctor import host, libraries, needs
from dashcam_pipeline.doctor.finding import Finding, Level

__all__ = ["Finding", "Level", "can_run", "examine"]


def examine(settings: Settings, work_dir: Path, dsn: str | None) -> tuple[Finding, ...]:
    """Look at everything that a run with these settings in this work dir needs. Starts and changes nothing."""
    gpus = host.gpus()
    return (
        host.python(),
        host.cores(),
        host.memory(),
        *libraries.engines(settings.models, settings.run.device, gpus),
        libraries.opencv(),
        libraries.video(),
        *needs.model_files(settings.models),
        needs.database(dsn, work_dir),
        host.disk(work_dir, settings.frame_store.min_free_mb + settings.frame_store.quota_mb),
        host.shared_memory(),
        host.open_files(),
    )


def can_run(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing stands in the way of a run."""
    return all(finding.level is not Level.BAD for finding in findings)
