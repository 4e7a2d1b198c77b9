"""What the simulation is told: costs of the stages, of the Manager and of GPUs, and what follows what in a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

Amount = Annotated[float, Field(ge=0.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Record(BaseModel):
    """A group of figures; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class StageCost(Record):
    """CPU seconds of one category's work, without its calls to the Manager."""

    batch_s: Amount = 0.0
    """Of a batch, whatever its size."""
    item_s: Amount
    """Of each task in it."""
    spread: Amount = 0.0
    """Standard deviation of a batch's time, as a share of its mean."""
    model_share: Share = 0.0
    """What part of it is inference, which a GPU would do instead."""
    parallel_share: Share = 0.0
    """What part of it the threads of a model divide among them (Amdahl's law); the rest has one thread."""
    lock_share: Share = 0.0
    """What part of it only one thread of a process can do at a time."""


class Edge(Record):
    """How many tasks of one category a task of another one pushes, on average."""

    parent: str
    child: str
    per_task: Amount
    keeps_frame: bool = False
    """Whether the child needs the frame that the parent was about."""


class Video(Record):
    """The video that the figures are of."""

    seconds: float = Field(gt=0.0)
    frames: int = Field(gt=0)
    frames_looked_at: int = Field(gt=0)
    vehicles: int = Field(ge=1)
    frame_bytes: int = Field(gt=0)
    """Of a stored frame."""


class ManagerCost(Record):
    """CPU seconds of the Manager, and of those who call it."""

    call_s: Amount
    """Of the Manager, a call."""
    task_s: Amount
    """Of the Manager, a task that is leased, finished or pushed by a call."""
    wake_s: Amount = 0.0
    """Of the Manager, at every change, each waiting caller for whom is looked whether there is work now."""
    client_call_s: Amount = 0.0
    client_task_s: Amount = 0.0


class GpuStage(Record):
    """Seconds of a GPU for one category."""

    batch_s: Amount
    item_s: Amount


class GpuCost(Record):
    """A GPU. Assumed, not measured, unless `source` says otherwise."""

    source: str
    stages: dict[str, GpuStage]


class Measured(Record):
    """What was measured on one host."""

    source: str
    """How these figures were had."""
    video: Video
    stages: dict[str, StageCost]
    edges: tuple[Edge, ...]
    manager: ManagerCost


class Params(Measured):
    """All of it."""

    gpu: GpuCost

    def scaled_gpu(self, factor: float) -> Params:
        """The same with GPUs that take `factor` times as long."""
        stages = {
            name: GpuStage(batch_s=cost.batch_s * factor, item_s=cost.item_s * factor)
            for name, cost in self.gpu.stages.items()
        }
        return self.model_copy(update={"gpu": self.gpu.model_copy(update={"stages": stages})})


def load(measured: Path, gpu: Path) -> Params:
    """Read the two files. Raises SystemExit, in one line, for what is missing or wrong in them."""
    figures = Measured.model_validate(_yaml(measured)) if measured.exists() else None
    if figures is None:
        raise SystemExit(
            f"{measured} is not there: make it with `python benchmarks/simulate.py --measure VIDEO`"
        )
    return Params(**dict(figures), gpu=GpuCost.model_validate(_yaml(gpu)))


def save(path: Path, measured: Measured) -> None:
    """Write the figures so that `load` reads them."""
    path.write_text(
        yaml.safe_dump(measured.model_dump(mode="json"), sort_keys=False, width=110), encoding="utf-8"
    )


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SystemExit(f"{path} can't be read: {error}") from error
