"""Short names for the settings and models of a run: results with the same ones belong together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dashcam_pipeline import __version__
from dashcam_pipeline.config import JourneySettings, PrivacySettings, Section, Settings

RESULT_SECTIONS = ("detection", "looks", "models", "sampling", "tracking", "vote")
"""The sections whose settings can change a row."""
YOUNGER_SECTIONS: dict[str, type[Section]] = {"journey": JourneySettings, "privacy": PrivacySettings}
"""Their settings change rows too, and count where they are not at their defaults: older runs don't know them."""
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
    usual = _younger_defaults()
    for section in YOUNGER_SECTIONS:
        content = values.get(section)
        if isinstance(content, Mapping):
            named = ((f"{section}.{key}", value) for key, value in content.items())
            yield from ((name, value) for name, value in named if value != usual.get(name))
    frame_store = values.get("frame_store")
    if isinstance(frame_store, Mapping) and frame_store.get("format") == "jpeg":
        yield FRAME_FORMAT, "jpeg"  # the other formats lose nothing


def _said(values: Recorded, key: str) -> str:
    if key in values:
        value = values[key]
        return "null" if value is None else str(value)
    if key == FRAME_FORMAT:
        return "lossless"
    usual = _younger_defaults()
    return ("null" if usual[key] is None else str(usual[key])) if key in usual else "not there"


def _younger_defaults() -> dict[str, object]:
    """By `section.key`."""
    return {
        f"{name}.{key}": value
        for name, section in YOUNGER_SECTIONS.items()
        for key, value in section().model_dump(mode="json").items()
    }
