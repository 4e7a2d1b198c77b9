"""Tracks that only ExifTool reads, such as those of Novatek cameras, where that program is on the PATH."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from dashcam_pipeline.sources.positions.raw import (
    KMH_PER_KNOT,
    KMH_PER_MPH,
    Axis,
    RawFix,
    RawTrack,
    begin_of,
    is_somewhere,
)

PROGRAM = "exiftool"
PATIENCE_S = 60.0
"""A film of an hour takes some seconds; a damaged file must not hold up a run."""
_TAGS = (
    "GPSLatitude",
    "GPSLongitude",
    "GPSSpeed",
    "GPSSpeedRef",
    "GPSTrack",
    "GPSDateTime",
    "GPSStatus",
    "SampleTime",
)
_KMH = {"K": 1.0, "M": KMH_PER_MPH, "N": KMH_PER_KNOT}
_SMALLEST_TRACK = 2


def exiftool_is_here() -> bool:
    """Whether the program is on the PATH."""
    return shutil.which(PROGRAM) is not None


def read_with_exiftool(path: Path) -> RawTrack | None:
    """What ExifTool finds inside a video; None where it finds no track, or is not on this host.

    Raises:
        ValueError: it failed.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        return None
    command = [program, "-ee", "-json", "-G3", "-n", "-api", "LargeFileSupport=1", "-q", "-q"]
    command += [f"-{tag}" for tag in _TAGS]
    try:
        # Its exit status tells of files that it has nothing on, too: what counts is what it printed.
        done = subprocess.run(
            [*command, str(path.absolute())], capture_output=True, timeout=PATIENCE_S, check=False
        )
        found = json.loads(done.stdout or b"[]")
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"{PROGRAM} took longer than {PATIENCE_S:.0f} s") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{PROGRAM} failed: {error}") from error
    return _track_of(found[0]) if found else None


def _track_of(values: Mapping[str, object]) -> RawTrack | None:
    samples: dict[str, dict[str, object]] = defaultdict(dict)
    for key, value in values.items():
        sample, _, tag = key.partition(":")
        if sample.startswith("Doc"):
            samples[sample][tag] = value
    with_place = [sample for sample in samples.values() if "GPSLatitude" in sample or "GPSStatus" in sample]
    good = [
        sample
        for sample in with_place
        if sample.get("GPSStatus", "A") != "V"
        and is_somewhere(_number(sample.get("GPSLatitude")), _number(sample.get("GPSLongitude")))
    ]
    if len(good) < _SMALLEST_TRACK:
        return None
    on_video = all(_number(sample.get("SampleTime")) is not None for sample in good)
    times = [_number(sample.get("SampleTime")) if on_video else _epoch_s(sample) for sample in good]
    fixes = [
        RawFix(
            t_s,
            float(str(sample["GPSLatitude"])),
            float(str(sample["GPSLongitude"])),
            _speed_kmh(sample),
            _number(sample.get("GPSTrack")),
        )
        for t_s, sample in zip(times, good, strict=True)
        if t_s is not None
    ]
    both = [
        (epoch_s, t_s)
        for t_s, sample in zip(times, good, strict=True)
        if on_video and t_s is not None and (epoch_s := _epoch_s(sample)) is not None
    ]
    return RawTrack(
        source="exiftool",
        axis=Axis.VIDEO if on_video else Axis.UTC,
        fixes=tuple(fixes),
        void=len(with_place) - len(good),
        begins_at=begin_of([epoch_s for epoch_s, _ in both], [t_s for _, t_s in both]),
    )


def _speed_kmh(sample: Mapping[str, object]) -> float | None:
    speed = _number(sample.get("GPSSpeed"))
    return None if speed is None else speed * _KMH.get(str(sample.get("GPSSpeedRef", "K")), 1.0)


def _epoch_s(sample: Mapping[str, object]) -> float | None:
    text = str(sample.get("GPSDateTime", "")).removesuffix("Z")
    for pattern in ("%Y:%m:%d %H:%M:%S.%f", "%Y:%m:%d %H:%M:%S"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
