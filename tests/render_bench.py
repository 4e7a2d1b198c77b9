"""What the tests of rendering share: vehicles on known ways, clips with sound, and what is in a file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from dashcam_pipeline.render.drawing import Drawing
from dashcam_pipeline.render.encoding import Encoding
from dashcam_pipeline.render.reading import Window
from dashcam_pipeline.render.rendering import Render, Rendered, render
from dashcam_pipeline.render.vehicles import Vehicle
from dashcam_pipeline.storage.results.paths import PathPoint, SightingPath
from dashcam_pipeline.storage.rows import BoxRow, LookRow
from dashcam_pipeline.vision.types import Image


def sighting(*boxes: tuple[float, BoxRow], track_id: int = 1, plate: str | None = None) -> SightingPath:
    """A vehicle that was seen in these boxes at these seconds."""
    return SightingPath(
        id=f"abcdef-{track_id}",
        uuid="00000000-0000-0000-0000-000000000000",
        track_id=track_id,
        part=0,
        plate=plate,
        best_guess=None,
        confidence=None if plate is None else 0.9,
        reason=None,
        vehicle_class="car",
        first_frame=0,
        last_frame=len(boxes) - 1,
        first_s=boxes[0][0],
        last_s=boxes[-1][0],
        first_bbox=boxes[0][1],
        last_bbox=boxes[-1][1],
        path=tuple(PathPoint(number, ts_s, box) for number, (ts_s, box) in enumerate(boxes)),
        looks=(),
    )


def look(ts_s: float, car: BoxRow, plate: BoxRow) -> LookRow:
    return LookRow(frame_idx=round(ts_s * 10), ts_s=ts_s, car_bbox=car, plate_bbox=plate, plate_score=0.8)


def rendered(
    video: Path,
    output: Path,
    *vehicles: SightingPath,
    window: Window | None = None,
    encoding: Encoding | None = None,
    only_plate: str | None = None,
) -> Rendered:
    """Render a video with these vehicles."""
    drawn = tuple(map(Vehicle, vehicles))
    chosen = tuple(one for one in drawn if one.sighting.plate == only_plate) if only_plate else None
    drawing = Drawing(vehicles=drawn, chosen=chosen)
    job = Render(
        video=video,
        window=window or Window(),
        encoding=encoding or Encoding(quality=10),
        drawing=drawing,
        output=output,
    )
    return render(job, lambda _frames, _ts_s: None)


def times(path: Path) -> list[Fraction]:
    """When the frames of a file are shown, exactly."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            found.append(frame.pts * frame.time_base)
    return found


def pictures(path: Path) -> list[Image]:
    """The frames of a file as players show them."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24").astype(np.uint8) for frame in container.decode(video=0)]


def sound(path: Path) -> list[tuple[Fraction, bytes]]:
    """The packets of sound of a file, each with its time."""
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(audio=0)
            if packet.pts is not None and packet.size
        ]


def make_clip_with_sound(path: Path, seconds: int = 2, sound_codec: str = "aac") -> Path:
    """Grey frames at 25/s and a tone."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        audio = container.add_stream(sound_codec, rate=48000, layout="mono")
        samples = np.sin(np.arange(48000 * seconds) / 20)
        kind, values = "fltp", (samples * 0.5).astype(np.float32)
        if sound_codec == "pcm_u8":
            kind, values = "u8", (samples * 100 + 128).astype(np.uint8)
        tone = av.AudioFrame.from_ndarray(values[None, :], kind, "mono")
        tone.sample_rate = 48000
        container.mux(audio.encode(tone))
        for number in range(25 * seconds):
            grey = np.full((240, 320, 3), 20 + number, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path
