"""What can be known of a video without reading all of it: size, length, and whether it decodes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import av

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.container import OpenVideo, open_video, unreadable
from dashcam_pipeline.sources.decoding import DamageTolerantDecoder, Losses
from dashcam_pipeline.sources.explain import is_encrypted
from dashcam_pipeline.sources.identity import video_id
from dashcam_pipeline.sources.picture import Orientation, orientation_of


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video's container says of it, and what its first frame shows."""

    path: Path
    size_bytes: int
    duration_s: float | None
    width: int  # of the upright picture
    height: int
    fps: float | None  # average
    frames: int | None  # as the container says, else estimated; not what will be decoded
    codec: str
    pixel_format: str
    rotation_deg: int  # clockwise turn that stands the stored picture upright: 0, 90, 180 or 270
    warnings: tuple[str, ...]
    created_at: datetime | None = None  # as its metadata say, see `OpenVideo.created_at`

    @property
    def video_id(self) -> str:
        """The file's identity, see `video_id`; read when asked for, as most openings don't need it."""
        return video_id(self.path)


def probe(path: Path) -> VideoInfo:
    """Open a video, decode its first frame, close it.

    Raises:
        VideoUnreadable: it can't be opened, or no frame of it can be decoded. `reason` says why in one line.
    """
    with open_video(path) as video:
        decoder = DamageTolerantDecoder(video)
        first = next(islice(decoder.frames(), 1), None)
        if first is None:
            raise nothing_decoded(video, decoder.losses)
        return describe(video, first)


def describe(video: OpenVideo, first: av.VideoFrame) -> VideoInfo:
    """The facts of an open video whose first frame has been decoded."""
    orientation = orientation_of(first)
    width, height = orientation.size(first.width, first.height)
    fps, duration_s = video.frames_per_s, video.duration_s
    frames = video.stream.frames or (round(duration_s * fps) if duration_s and fps else None)
    return VideoInfo(
        path=video.path,
        size_bytes=video.size_bytes,
        duration_s=duration_s,
        width=width,
        height=height,
        fps=fps,
        frames=frames,
        codec=video.stream.codec_context.name,
        pixel_format=first.format.name,
        rotation_deg=orientation.degrees_clockwise,
        warnings=(*video.warnings, *_doubts(orientation, duration_s, fps)),
        created_at=video.created_at,
    )


def nothing_decoded(video: OpenVideo, losses: Losses) -> VideoUnreadable:
    """The error for a video of which no frame came out, read to its end."""
    if is_encrypted(video.path):
        reason = "is encrypted (DRM, cenc): its video can't be decoded without the key"
    elif losses.read_error:
        reason = f"can't be read: {losses.read_error}"
    elif losses.packets == losses.hidden:
        reason = f"holds no video data{_promise(video)}: the file was cut off or never finished"
    else:
        reason = (
            f"none of its {losses.packets} video packets{_promise(video)} can be decoded: the data is damaged"
        )
    return unreadable(video.path, reason)


def _promise(video: OpenVideo) -> str:
    return f" (its header promises {video.stream.frames})" if video.stream.frames else ""


def _doubts(orientation: Orientation, duration_s: float | None, fps: float | None) -> list[str]:
    doubts = []
    if orientation.odd_angle:
        doubts.append("its rotation is no multiple of 90 degrees and is not applied")
    if duration_s is None:
        doubts.append("its duration is unknown")
    if fps is None:
        doubts.append("its frame rate is unknown")
    return doubts
