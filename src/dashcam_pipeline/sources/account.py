"""What a reading came to, in words: what was lost, and what is odd but no loss."""

from __future__ import annotations

import av

from dashcam_pipeline.sources.decoding import MAX_DAMAGED_RUN
from dashcam_pipeline.sources.reading import Reading

_FRAMES_SHORT = 2  # so many frames fewer than promised are not worth a word
_SECONDS_SHORT = 0.5  # the same where the container keeps a duration, but no count of frames


def decode_errors(reading: Reading) -> int:
    """Packets that could not be decoded, pictures marked as damaged, pictures that could not be converted."""
    return reading.losses.damaged_packets + reading.losses.damaged_frames + reading.unconverted


def problem(reading: Reading) -> str | None:
    """What was lost, in one line, of a reading that has come to its end."""
    losses = reading.losses
    said = [end] if (end := _early_end(reading)) else []
    if losses.gaps:
        said.append(_count(losses.gaps, "unreadable stretch", "es") + " skipped")
    if losses.damaged_packets and not losses.gave_up:
        said.append(_count(losses.damaged_packets, "damaged packet") + " skipped")
    if losses.damaged_frames:
        frames = _count(reading.frames_decoded, "frame")
        said.append(f"{losses.damaged_frames} of {frames} decoded with damage")
    if reading.unconverted:
        said.append(_count(reading.unconverted, "frame") + " in a form that can't be converted")
    return "; ".join(said) or None


def warnings(reading: Reading) -> tuple[str, ...]:
    """What is odd about the frames read so far, but no loss; one line each."""
    said = [*reading.timeline.warnings()]
    if before_key := reading.losses.before_key:
        said.append(f"starts {before_key} frames before its first key frame; they can't be decoded")
    if len(reading.sizes) > 1:
        sizes = ", ".join(f"{width}x{height}" for width, height in sorted(reading.sizes))
        said.append(f"the size of the picture changes: {sizes}")
    return tuple(said)


def _early_end(reading: Reading) -> str | None:
    video, losses = reading.video, reading.losses
    end = f"{_end_s(reading):.1f} s"
    if losses.read_error:
        return f"reading stopped after {end}: {losses.read_error}"
    if losses.gave_up:
        return f"given up after {end} and {MAX_DAMAGED_RUN} damaged packets in a row"
    if _is_cut_off(reading):
        return f"ends after {end} of {video.duration_s:.1f} s: the file is truncated"
    if video.ends_in_a_fragment():
        return f"ends after {end}: the file is truncated"
    return None


def _is_cut_off(reading: Reading) -> bool:
    """Whether the container promised more than it held.

    Both the count of packets and the time must fall short: headers count frames that were never
    written, and durations include sound that goes on after the picture.
    """
    video, step_s = reading.video, reading.timeline.step_s
    if video.duration_s is None:
        return False
    if promised := video.stream.frames:
        missing = promised - reading.losses.packets
        return missing > _FRAMES_SHORT and video.duration_s - _end_s(reading) > _FRAMES_SHORT * step_s
    end_s = reading.losses.end_s
    start_s = (video.container.start_time or 0) / av.time_base
    return end_s is not None and end_s - start_s < video.duration_s - _SECONDS_SHORT


def _end_s(reading: Reading) -> float:
    return reading.timeline.last_s + reading.timeline.step_s


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"
