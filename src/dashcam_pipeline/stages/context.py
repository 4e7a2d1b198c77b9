"""What every stage is built with: the job's settings, the worker's tools, and the way to the next stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dashcam_pipeline.config import Settings
from dashcam_pipeline.engine.task import Task
from dashcam_pipeline.engine.worker import Tools

if TYPE_CHECKING:
    from dashcam_pipeline.vision.models.runtime import RuntimeOptions
    from dashcam_pipeline.weights import Role

CHECKPOINTS = "checkpoints"
"""The folder of the work dir in which runs keep their checkpoints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is the same for all stages of a run."""

    settings: Settings
    run_id: str
    work_dir: Path
    database_url: str
    stamp: str = ""  # of program, settings and models: a checkpoint serves only a run with the same


class Route(Protocol):
    """Makes the task that carries a record to the stage that takes it; see `pipeline.Router`."""

    def task(
        self,
        record: object,
        parent: Task,
        name: str,
        *,
        key: str = "",
        order: int = 0,
        payload_ref: str | None = None,
        frames: tuple[str, ...] = (),
    ) -> Task: ...


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage is built with."""

    job: Job
    tools: Tools
    route: Route

    @property
    def settings(self) -> Settings:
        return self.job.settings

    def runtime_options(self) -> RuntimeOptions:
        """How this worker runs models."""
        from dashcam_pipeline.vision.models.runtime import (
            RuntimeOptions,  # only workers that run models load it
        )

        models = self.settings.models
        return RuntimeOptions(
            engine=models.engine,
            device=self.tools.device,
            threads=self.tools.threads,
            precision=models.precision,
            tensorrt=models.tensorrt,
            batch=1 if self.tools.device == "cpu" else models.gpu_batch,
            cache_dir=self.job.work_dir / "model_cache" / self.tools.worker_id,  # not for two writers at once
            compiled_dir=_compiled_dir(),
        )

    def weights(self, name: str, role: Role) -> Path:
        """The file of a model that the settings name."""
        from dashcam_pipeline.weights import resolve

        return resolve(name, role)


def _compiled_dir() -> Path | None:
    """Where compiled models are kept; None for a user without a home."""
    import platformdirs

    try:
        return platformdirs.user_cache_path("dashcam") / "compiled_models"
    except RuntimeError:
        return None
