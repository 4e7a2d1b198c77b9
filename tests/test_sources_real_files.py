"""Real clips against facts taken with another decoder, and damaged files against the verdict that they deserve."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.base import Verdict
from dashcam_pipeline.sources.probe import probe
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from sources_clips import every, flat, make_clip, real_clip

CHILD_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one clip, by `ffprobe -select_streams v:0 -show_entries frame=pts_time` of FFmpeg 5.1."""

    name: str
    frames: int
    first_s: float  # on the container's clock
    last_s: float
    width: int
    height: int


FACTS = (
    Facts("videos/vn_tollgate_720p_20s.mp4", 339, 1.283, 19.971867, 1280, 720),
    Facts("videos/us_dashcam2_480p.mp4", 588, 0.066667, 19.633333, 854, 480),
    Facts("videos/us_sf_uber_gpsoverlay_360p.mp4", 527, 0.0, 30.009128, 480, 360),
    Facts("videos/us_night_road_1080p.mp4", 157, 0.0, 5.203333, 1920, 1080),
    Facts("videos/in_kochi_traffic_540p.mp4", 297, 0.0, 9.866667, 960, 540),
    Facts("videos/uk_mercedes_LS15EBC_720p.mp4", 140, 0.0, 4.633333, 1280, 720),
    Facts("videos/us_carnd_solidWhiteRight_540p.mp4", 221, 0.0, 8.8, 960, 540),
    Facts("broken/delayed_start.mp4", 24, 1.075, 1.995, 480, 320),
    Facts("broken/otvision_rotate.mp4", 60, 0.0, 2.95, 600, 800),
    Facts("broken/rotate90_pyscenedetect.mp4", 240, 0.0, 9.968292, 544, 1280),
    Facts("broken/var_fps_video_torchcodec.mp4", 300, 0.0, 14.933333, 128, 128),
    Facts("broken/vfr_goldeneye_drop3.mp4", 160, 0.0, 9.926583, 1280, 544),
    Facts("broken/h265_10bit.mp4", 30, 0.0, 0.966667, 200, 200),
    Facts("broken/bt709_full_range.mp4", 30, 0.0, 0.966667, 1280, 720),
    Facts("broken/imageio_realshort.mp4", 36, 0.0, 1.165889, 320, 240),
)

UNREADABLE = {  # file of `broken`: the reason
    "made_text_renamed.mp4": "is a text file, not a video",
    "made_zero_length.mp4": "is empty (zero bytes)",
    "mp4parse_chunk_out_of_range.mp4": "is not a video, or its header is damaged",
    "mp4parse_invalid_userdata.mp4": "holds no video data (its header promises 5544)",
    "mp4parse_short-cenc.mp4": "is encrypted (DRM, cenc)",
    "mp4parse_zero_empty_stsc.mp4": "none of its 2 video packets (its header promises 1040) can be decoded",
}
PARTIAL = {  # file of `broken`: decoded frames and the problem
    "decord_corrupted.mp4": (49, "1 damaged packet skipped; 1 of 49 frames decoded with damage"),
    "made_bitflips.mp4": (377, "159 of 377 frames decoded with damage"),
    "made_truncated_60pct.mp4": (220, "ends after 17.6 s of 30.2 s: the file is truncated"),
    "mp4parse_no_timescale.mp4": (170, "12 damaged packets skipped; 28 of 170 frames decoded with damage"),
}
COMPLETE = {  # file of `broken`, no facts above: decoded frames
    "h264_10bit.mp4": 30,
    "mp4parse_h263_1frame.3gp": 1,
    "mp4parse_hevc_1frame.mp4": 1,
    "otvision_rawh264.h264": 60,
}


@pytest.mark.parametrize("facts", FACTS, ids=lambda facts: facts.name)
def test_clip_agrees_with_ffprobe(facts: Facts) -> None:
    path = real_clip(*facts.name.split("/"))
    info = probe(path)
    assert (info.width, info.height) == (facts.width, facts.height)
    with VideoFile(path) as video:
        times = [frame.pts_s for frame in video.frames(every())]
        assert (video.verdict, video.problem, video.decode_errors) == (Verdict.COMPLETE, None, 0)
        assert video.warnings == ()
        assert video.frames_decoded == len(times) == facts.frames
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(facts.last_s - facts.first_s, abs=2e-6)
    assert all(later > earlier for earlier, later in itertools.pairwise(times))


def test_variable_rate_clip_is_sampled_evenly() -> None:
    times: list[float] = []
    sampler = Sampler(frames_per_s=10)
    with VideoFile(real_clip("videos", "vn_tollgate_720p_20s.mp4")) as video:
        for frame in video.frames(sampler):
            times.append(frame.pts_s)
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times))
    assert 170 <= len(times) <= 188  # 18.7 s; where the clip has fewer than 10 frames/s, all of them
    assert gaps[len(gaps) // 2] == pytest.approx(0.1, abs=0.02)
    assert gaps[0] >= 0.045


@pytest.mark.parametrize(("name", "reason"), UNREADABLE.items(), ids=UNREADABLE.keys())
def test_hopeless_file_says_why(name: str, reason: str) -> None:
    path = real_clip("broken", name)
    with pytest.raises(VideoUnreadable) as caught:
        probe(path)
    assert caught.value.reason.startswith(reason)
    with pytest.raises(VideoUnreadable), VideoFile(path) as video:
        list(video.frames(every()))


@pytest.mark.parametrize(("name", "frames", "problem"), [(name, *known) for name, known in PARTIAL.items()])
def test_damaged_file_keeps_what_was_readable(name: str, frames: int, problem: str) -> None:
    for _ in range(2):  # and does so every time
        with VideoFile(real_clip("broken", name)) as video:
            assert len(list(video.frames(every()))) == frames
            assert (video.verdict, video.frames_decoded, video.problem) == (Verdict.PARTIAL, frames, problem)


@pytest.mark.parametrize(("name", "frames"), COMPLETE.items(), ids=COMPLETE.keys())
def test_odd_file_is_read_to_its_end(name: str, frames: int) -> None:
    with VideoFile(real_clip("broken", name)) as video:
        pictures = list(video.frames(every()))
    assert (video.verdict, video.frames_decoded, len(pictures)) == (Verdict.COMPLETE, frames, frames)


def test_every_broken_file_has_a_known_verdict() -> None:
    known = {*UNREADABLE, *PARTIAL, *COMPLETE, *(Path(facts.name).name for facts in FACTS)}
    assert {path.name for path in real_clip("broken").iterdir()} <= known


def test_two_threads_give_the_pictures_of_one() -> None:
    path = real_clip("broken", "imageio_realshort.mp4")
    pictures = []
    for threads in (1, 2):
        with VideoFile(path, threads) as video:
            pictures.append([frame.image.tobytes() for frame in video.frames(every())])
    assert pictures[0] == pictures[1]


def test_damaged_copy_has_another_identity() -> None:
    damaged, good = (
        real_clip("broken", "made_bitflips.mp4"),
        real_clip("videos", "us_intel_car-detection_432p.mp4"),
    )
    assert damaged.stat().st_size == good.stat().st_size
    assert probe(damaged).video_id != probe(good).video_id


# The rest damages files at random. It runs in a process of its own, because what FFmpeg might do is not to
# raise but to crash or to hang.
HARM = """
import random, sys
from pathlib import Path
from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.base import Verdict
from dashcam_pipeline.sources.probe import probe
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile

source, work, harm, seeds = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
good = source.read_bytes()
for seed in range(seeds):
    chance, data = random.Random(seed), bytearray(good)
    if harm == "cut":
        del data[chance.randrange(1, len(data)):]
    else:
        for _ in range(chance.choice((1, 8, 64, 512))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path = work / f"harmed{source.suffix}"
    path.write_bytes(data)
    times = [-1.0]
    try:
        probe(path)
        with VideoFile(path) as video:
            for frame in video.frames(Sampler(frames_per_s=1, stride=1)):
                times.append(frame.pts_s)
                assert frame.index == len(times) - 2
        assert video.verdict is not Verdict.UNFINISHED
        assert all(b > a for a, b in zip(times, times[1:])), times
        print(len(data), len(times) - 1, video.verdict)
    except VideoUnreadable as error:
        assert error.reason and chr(10) not in str(error)
        print(len(data), 0, "unreadable")
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    size: int
    frames: int
    verdict: str


def harm(source: Path, work: Path, kind: str, seeds: int) -> list[Outcome]:
    command = [sys.executable, "-c", HARM, str(source), str(work), kind, str(seeds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    rows = [line.split() for line in done.stdout.splitlines()]
    outcomes = [Outcome(int(size), int(frames), verdict) for size, frames, verdict in rows]
    assert len(outcomes) == seeds
    return outcomes


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "mpeg4", {"movflags": "faststart"}),
        ("clip.mp4", "mpeg4", {"movflags": "frag_keyframe+empty_moov"}),
        ("clip.mp4", "mpeg4", {}),
        ("clip.mkv", "mpeg4", {}),
        ("clip.webm", "libvpx-vp9", {}),
        ("clip.avi", "mjpeg", {}),
        ("clip.ts", "mpeg2video", {}),
    ],
    ids=["mp4-faststart", "mp4-fragments", "mp4", "mkv", "webm", "avi", "ts"],
)
def test_a_file_cut_anywhere_gives_its_beginning(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    chance = random.Random(1)
    images = [flat(chance.randrange(256)) for _ in range(90)]
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    clip = make_clip(tmp_path / name, images, codec=codec, pixel_format=pixel_format, options=options)
    outcomes = sorted(harm(clip, tmp_path, "cut", 20), key=lambda outcome: outcome.size)
    frames = [outcome.frames for outcome in outcomes]
    assert all(later >= earlier - 2 for earlier, later in itertools.pairwise(frames)), outcomes
    assert max(frames) <= 90
    if options or not name.endswith("mp4"):  # an MP4 with its index at the end is lost with the end
        assert max(frames) > 45


@pytest.mark.parametrize("name", ["imageio_realshort.mp4", "h265_10bit.mp4", "delayed_start.mp4"])
def test_flipped_bits_neither_crash_nor_hang(tmp_path: Path, name: str) -> None:
    outcomes = harm(real_clip("broken", name), tmp_path, "flip", 60)
    assert {outcome.verdict for outcome in outcomes} == {"complete", "partial", "unreadable"}
