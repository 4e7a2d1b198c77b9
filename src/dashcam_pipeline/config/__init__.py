"""The settings of a run as typed records: every key, its unit, its default and its bounds.

`configuration.py` fills them from YAML files, the environment and the command line.
"""

from __future__ import annotations

from pydantic import Field

from dashcam_pipeline.config.alerts import AlertSettings
from dashcam_pipeline.config.base import NO_LIMIT, Section
from dashcam_pipeline.config.engine import FrameStoreSettings, QueueSettings, RunSettings, SamplingSettings
from dashcam_pipeline.config.privacy import PrivacySettings
from dashcam_pipeline.config.results import JourneySettings, StorageSettings, TripSettings
from dashcam_pipeline.config.vision import (
    DetectionSettings,
    LookSettings,
    Mask,
    ModelSettings,
    TrackingSettings,
    VoteSettings,
)

__all__ = [
    "NO_LIMIT",
    "AlertSettings",
    "DetectionSettings",
    "FrameStoreSettings",
    "JourneySettings",
    "LookSettings",
    "Mask",
    "ModelSettings",
    "PrivacySettings",
    "QueueSettings",
    "RunSettings",
    "SamplingSettings",
    "Section",
    "Settings",
    "StorageSettings",
    "TrackingSettings",
    "TripSettings",
    "VoteSettings",
]


class Settings(Section):
    """All settings of a run."""

    # Sections are made when a run is given its settings: see `defer_build`.
    run: RunSettings = Field(default_factory=RunSettings)
    sampling: SamplingSettings = Field(default_factory=SamplingSettings)
    frame_store: FrameStoreSettings = Field(default_factory=FrameStoreSettings)
    queue: QueueSettings = Field(default_factory=QueueSettings)
    models: ModelSettings = Field(default_factory=ModelSettings)
    detection: DetectionSettings = Field(default_factory=DetectionSettings)
    tracking: TrackingSettings = Field(default_factory=TrackingSettings)
    looks: LookSettings = Field(default_factory=LookSettings)
    vote: VoteSettings = Field(default_factory=VoteSettings)
    journey: JourneySettings = Field(default_factory=JourneySettings)
    trips: TripSettings = Field(default_factory=TripSettings)
    privacy: PrivacySettings = Field(default_factory=PrivacySettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
