"""Which models the settings of a run ask for."""

from __future__ import annotations

from dataclasses import dataclass

from dashcam_pipeline.config import ModelSettings
from dashcam_pipeline.weights.manifest import Role


@dataclass(frozen=True, slots=True)
class Needed:
    """A model that a run asks for: by its name in the manifest, or by the path of a file."""

    role: Role
    name: str


def needed(models: ModelSettings) -> tuple[Needed, ...]:
    """The models that a run with these settings asks for."""
    found = [
        Needed(Role.VEHICLE_DETECTOR, models.vehicle_detector),
        Needed(Role.PLATE_DETECTOR, models.plate_detector),
    ]
    if models.plate_reader == "fast-plate-ocr":  # the others bring their weights themselves
        found += [Needed(Role.PLATE_READER, name) for name in models.reader_models]
    return tuple(found)
