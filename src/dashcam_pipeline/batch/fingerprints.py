"""Short names for the settings and models of a run: results with the same ones belong together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dashcam_pipeline import __version__
from dashcam_pipeline.config import PrivacySettings, Settings

RESULT_SECTIONS = ("detection", "journey", "looks", "models", "sampling", "tracking", "vote")
"""The sections whose settings can change a row."""
PRIVACY = "privacy"
"""Its settings change rows too, but only where they are not at their defaults: older runs don't know them."""
FRAME_FORMAT = "frame_store.format"
STATES = "states-4"
"""To be counted up whenever what a stage remembers, and so keeps in checkpoints, gets other fields or another meaning:
it would be taken for what it was, and fail frame after frame."""

Recorded = Mapping[str, object]
"""Settings as they stand in a run's row."""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Of one call of `dashcam run`."""

    config: str  # changes when a setting that can change a row does
    models: str  # the checksums of the models used


def recorded(settings: Settings) -> dict[str, object]:
    """The effective settings for a run's row, without what may hold a password."""
    values: dict[str, object] = settings.model_dump(mode="json")
    values["alerts"] = settings.alerts.model_copy(update={"webhook": None}).model_dump(mode="json")
    values["storage"] = settings.storage.model_copy(update={"dsn": None}).model_dump(mode="json")
    return values


def of_config(settings: Settings) -> str:
    """The fingerprint of the settings that can change a row."""
    relevant = dict(_relevant(recorded(settings)))
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:16]


def stamp(fingerprints: Fingerprints, frame_format: str) -> str:
    """What a checkpoint must agree in with the run that goes on from it."""
    return "/".join((__version__, STATES, fingerprints.config, fingerprints.models, frame_format))


def differences(old: Recorded, new: Settings) -> list[str]:
    """The settings that can change a row and are others now, each as `key: old → new`."""
    before, now = dict(_relevant(old)), dict(_relevant(recorded(new)))
    return [
        f"{key}: {_said(before, key)} → {_said(now, key)}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]


def _relevant(values: Recorded) -> Iterator[tuple[str, object]]:
    """The settings that can change a row, by `section.key`."""
    for section in RESULT_SECTIONS:
        content = values.get(section)
        if isinstance(content, Mapping):
            yield from ((f"{section}.{key}", value) for key, value in content.items())
    privacy = values.get(PRIVACY)
    if isinstance(privacy, Mapping):
        usual = _privacy_defaults()
        yield from ((f"{PRIVACY}.{key}", value) for key, value in privacy.items() if value != usual.get(key))
    frame_store = values.get("frame_store")
    if isinstance(frame_store, Mapping) and frame_store.get("format") == "jpeg":
        yield FRAME_FORMAT, "jpeg"  # the other formats lose nothing


def _said(values: Recorded, key: str) -> str:
    if key in values:
        value = values[key]
        return "null" if value is None else str(value)
    if key == FRAME_FORMAT:
        return "lossless"
    section, _, name = key.partition(".")
    usual = _privacy_defaults() if section == PRIVACY else {}
    return ("null" if usual[name] is None else str(usual[name])) if name in usual else "not there"


def _privacy_defaults() -> dict[str, object]:
    return PrivacySettings().model_dump(mode="json")
