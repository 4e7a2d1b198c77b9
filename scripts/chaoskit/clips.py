"""Small clips for trials: pieces cut out of real videos and encoded anew."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av

DATA_VARIABLE = "DASHCAM_TEST_DATA"
REPOSITORY = Path(__file__).resolve().parents[2]
ENCODER = {"preset": "ultrafast", "crf": "20", "threads": "1"}  # one thread: the same bytes every time


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a video."""

    name: str
    source: str  # a file name in the folder of clips
    start_s: float
    length_s: float
    keyframe_every: int  # frames; decides where a reader can start in the middle


PIECES = (
    Piece("20240131_142200F.mp4", "uk_mercedes_LS15EBC_720p.mp4", 0.0, 2.0, 30),  # a trip of two files,
    Piece("20240131_142202F.mp4", "uk_mercedes_LS15EBC_720p.mp4", 2.0, 1.5, 30),  # with one car in both
    Piece("b_tollgate.mp4", "vn_tollgate_720p_20s.mp4", 0.0, 11.0, 12),
    Piece(
        "c_drive.mp4", "drive_mixed.mp4", 0.0, 9.0, 250
    ),  # one keyframe only: reading on means decoding again
    Piece("d_drive.mp4", "drive_mixed.mp4", 40.0, 4.0, 60),
)
FEW_PIECES = (*PIECES[:2], Piece("e_drive.mp4", "drive_mixed.mp4", 20.0, 8.2, 60))


def data_folder(given: Path | None = None) -> Path:
    """The folder of test data: as given, else of the environment, else beside the checkout."""
    return given or Path(os.environ.get(DATA_VARIABLE, REPOSITORY.parent / "shared"))


def make_clips(pieces: Sequence[Piece], data: Path, folder: Path) -> list[Path]:
    """Cut the pieces into `folder`, unless they are there. Raises FileNotFoundError for a missing source."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for piece in pieces:
        path = folder / piece.name
        if not path.exists():
            source = data / "videos" / piece.source
            if not source.exists():
                raise FileNotFoundError(f"{source} is not there: set {DATA_VARIABLE} or give --data")
            unfinished = path.with_name(f".{path.name}")
            cut(source, piece.start_s, piece.length_s, piece.keyframe_every, unfinished)
            unfinished.rename(path)
        made.append(path)
    return made


def cut(source: Path, start_s: float, length_s: float, keyframe_every: int, target: Path) -> None:
    """Encode a stretch of a video anew, each frame with its own time."""
    with av.open(str(source)) as reading, av.open(str(target), "w", format="mp4") as writing:
        video = reading.streams.video[0]
        assert video.time_base is not None
        if start_s:
            reading.seek(int(start_s / video.time_base), stream=video)
        out = writing.add_stream(
            "libx264", rate=video.average_rate, options={**ENCODER, "g": str(keyframe_every)}
        )
        out.width, out.height, out.pix_fmt = video.width, video.height, "yuv420p"
        out.time_base = out.codec_context.time_base = video.time_base
        first = None
        for frame in reading.decode(video):
            if frame.time is None or frame.pts is None or frame.time < start_s:
                continue
            if frame.time >= start_s + length_s:
                break
            first = frame.pts if first is None else first
            frame.pts -= first
            frame.time_base = video.time_base
            frame.pict_type = av.video.frame.PictureType.NONE
            writing.mux(out.encode(frame))
        writing.mux(out.encode())
