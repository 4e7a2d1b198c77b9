"""Going on behind a bookmark gives what a reading in one go gives, and costs little where it can."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import av
import pytest

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.base import Frame, Verdict
from dashcam_pipeline.sources.bookmark import Bookmark
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from sources_clips import MILLISECOND, cut, every, make_clip, make_shades, moving, noise, real_clip

FRAMES, KEY_EVERY = 96, 24
REORDERED = 8  # so close behind a key frame, a seek may lead to the one before it

Samplers = Callable[[], Sampler]


@dataclass(frozen=True, slots=True)
class Seen:
    index: int
    pts_s: float
    crc32: int


@dataclass(frozen=True, slots=True)
class Account:
    frames_decoded: int
    decode_errors: int
    verdict: Verdict
    problem: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """A reading in one go, with the bookmarks made on the way, by the index of the frame before them."""

    frames: list[Seen]
    account: Account
    bookmarks: dict[int, Bookmark]


def seen(frame: Frame) -> Seen:
    return Seen(frame.index, frame.pts_s, zlib.crc32(frame.image.data))


def account(video: VideoFile) -> Account:
    return Account(video.frames_decoded, video.decode_errors, video.verdict, video.problem, video.warnings)


def read_whole(path: Path, sampler: Samplers, cuts: Collection[int]) -> Whole:
    frames, bookmarks = [], {}
    with VideoFile(path) as video:
        for frame in video.frames(sampler()):
            frames.append(seen(frame))
            if frame.index in cuts:
                kept = pickle.dumps(video.bookmark())
                assert len(kept) < 2048
                bookmarks[frame.index] = pickle.loads(kept)
        return Whole(frames, account(video), bookmarks)


def resume(path: Path, whole: Whole, at: int, sampler: Samplers = every) -> VideoFile:
    """Go on behind a frame, and see that nothing differs."""
    with VideoFile(path) as video:
        rest = [seen(frame) for frame in video.frames(sampler(), whole.bookmarks[at])]
    assert rest == [frame for frame in whole.frames if frame.index > at], f"behind frame {at}"
    assert account(video) == whole.account, f"behind frame {at}"
    return video


def places_of_interest(path: Path) -> list[int]:
    """The first frame, the last, and those around the key frames in the middle and at the end."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    if any(packet.pts is None for packet in packets):
        return [0, len(packets) // 2, len(packets) - 1]
    times = sorted(packet.pts for packet in packets)
    keys = sorted(times.index(packet.pts) for packet in packets if packet.is_keyframe) or [0]
    chosen = {0, len(times) - 2, len(times) - 1}
    for key in (keys[len(keys) // 2], keys[-1]):
        chosen |= {key - 1, key, key + 1}
    return sorted(index for index in chosen if 0 <= index < len(times))


BROKEN = (
    "bt709_full_range.mp4",
    "decord_corrupted.mp4",
    "delayed_start.mp4",
    "h264_10bit.mp4",
    "h265_10bit.mp4",
    "imageio_realshort.mp4",
    "made_bitflips.mp4",
    "made_truncated_60pct.mp4",
    "mp4parse_h263_1frame.3gp",
    "mp4parse_hevc_1frame.mp4",
    "mp4parse_no_timescale.mp4",
    "otvision_rawh264.h264",
    "otvision_rotate.mp4",
    "rotate90_pyscenedetect.mp4",
    "var_fps_video_torchcodec.mp4",
    "vfr_goldeneye_drop3.mp4",
)


@pytest.mark.parametrize("name", BROKEN)
def test_resumed_reading_of_an_odd_file_is_as_one_in_one_go(name: str) -> None:
    path = real_clip("broken", name)
    cuts = places_of_interest(path)[::3] if path.stat().st_size > 500_000 else places_of_interest(path)
    whole = read_whole(path, every, cuts)
    assert whole.bookmarks
    for at in whole.bookmarks:
        resume(path, whole, at)


@pytest.mark.parametrize("name", ["decord_corrupted.mp4", "mp4parse_no_timescale.mp4"])
def test_every_point_of_a_damaged_file_can_be_come_to_again(name: str) -> None:
    path = real_clip("broken", name)
    whole = read_whole(path, every, range(1000))
    for at in [*whole.bookmarks][::9]:
        resume(path, whole, at)


@dataclass(frozen=True, slots=True)
class Real:
    name: str
    most_reread: int  # frames between key frames


@pytest.mark.parametrize(
    "clip",
    [
        Real("in_kochi_traffic_540p.mp4", 30),
        Real("us_sf_uber_gpsoverlay_360p.mp4", 60),
        Real("us_dashcam2_480p.mp4", 128),
        Real("vn_tollgate_720p_20s.mp4", 62),
    ],
    ids=lambda clip: clip.name,
)
def test_ordinary_clip_is_gone_on_with_at_the_key_frame_before(clip: Real) -> None:
    def sampler() -> Sampler:
        return Sampler(frames_per_s=7)

    path = real_clip("videos", clip.name)
    indexes = [frame.index for frame in read_whole(path, sampler, ()).frames]
    cuts = [indexes[len(indexes) * share // 10] for share in (0, 4, 7)] + [indexes[-1]]
    whole = read_whole(path, sampler, cuts)
    for at in cuts:
        video = resume(path, whole, at, sampler)
        assert 0 < video.frames_reread <= clip.most_reread


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A clip to make, and whether it can be gone on with at a key frame."""

    name: str
    codec: str = "libx264"
    encoder: str = ""
    options: tuple[tuple[str, str], ...] = ()
    b_frames: int = 0
    uneven: bool = False
    seeks: bool = True

    def write(self, folder: Path) -> Path:
        parameters = {"libx264": "x264-params", "libx265": "x265-params"}.get(self.codec)
        times = [40 * n + n % 3 * 9 + n // 10 * 700 for n in range(FRAMES)]
        return make_clip(
            folder / self.name,
            moving(FRAMES),
            codec=self.codec,
            pixel_format="yuvj420p" if self.codec == "mjpeg" else "yuv420p",
            key_every=KEY_EVERY,
            options=dict(self.options),
            encoder={parameters: f"keyint={KEY_EVERY}:{self.encoder}"} if parameters else {},
            b_frames=self.b_frames,
            pts=times if self.uneven else None,
            time_base=MILLISECOND if self.uneven else None,
        )


FRAGMENTS = (("movflags", "frag_keyframe+empty_moov"),)
B_FRAMES = "bframes=6:b-pyramid=normal:ref=6"
MADE = (
    Made(name="plain.mp4", encoder="bframes=0"),
    Made(name="b_frames.mp4", encoder=B_FRAMES),
    Made(name="b_frames.mkv", encoder=B_FRAMES),
    Made(name="uneven.mp4", encoder=B_FRAMES, uneven=True),
    Made(name="uneven.mkv", encoder=B_FRAMES, uneven=True),
    Made(name="hevc.mp4", codec="libx265", encoder="open-gop=0:bframes=4:log-level=none"),
    Made(name="hevc_open.mp4", codec="libx265", encoder="open-gop=1:bframes=4:log-level=none"),
    Made(name="hevc_open.mkv", codec="libx265", encoder="open-gop=1:bframes=4:log-level=none"),
    Made(name="vp9.webm", codec="libvpx-vp9"),
    Made(name="mpeg4.mp4", codec="mpeg4", b_frames=2),
    Made(name="mjpeg.mkv", codec="mjpeg"),
    # No picture but the first is a clean start, or nothing says where pictures are:
    Made(name="open.mp4", encoder="open-gop=1:bframes=4:scenecut=0", seeks=False),
    Made(name="refresh.mp4", encoder="intra-refresh=1:bframes=0", seeks=False),
    Made(name="stream.ts", encoder=B_FRAMES, seeks=False),
    Made(name="plain.avi", encoder="bframes=0", seeks=False),
    Made(name="b_frames.avi", encoder=B_FRAMES, seeks=False),
    Made(name="vp8.webm", codec="libvpx", seeks=False),
)


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.name)
def test_resumed_reading_is_as_one_in_one_go(tmp_path: Path, made: Made) -> None:
    path = made.write(tmp_path)
    whole = read_whole(path, every, places_of_interest(path))
    assert len(whole.bookmarks) >= 3
    for at in whole.bookmarks:
        video = resume(path, whole, at)
        if made.seeks:
            assert video.frames_reread <= KEY_EVERY + REORDERED
        else:
            assert video.frames_reread >= at + 1


def test_resumed_reading_of_fragments_is_as_one_in_one_go(tmp_path: Path) -> None:
    """How far a seek comes there depends on what is known of the fragments."""
    path = Made(name="clip.mp4", encoder=B_FRAMES, options=FRAGMENTS).write(tmp_path)
    for clip in (path, cut(path, 0.8)):
        whole = read_whole(clip, every, places_of_interest(path))
        for at in whole.bookmarks:
            resume(clip, whole, at)


def test_clip_trimmed_within_a_group_of_pictures_goes_on_as_in_one_go(tmp_path: Path) -> None:
    source, path = Made(name="clip.mp4", encoder=B_FRAMES).write(tmp_path), tmp_path / "trimmed.mp4"
    with av.open(str(source)) as whole_clip, av.open(str(path), "w") as trimmed:
        stream = trimmed.add_stream_from_template(whole_clip.streams.video[0])
        packets = [packet for packet in whole_clip.demux(video=0) if packet.size]
        shown_from = sorted(packet.pts or 0 for packet in packets)[10]
        for packet in packets:  # the first ten are kept for the others' sake, and hidden by an edit list
            packet.pts, packet.dts = (packet.pts or 0) - shown_from, (packet.dts or 0) - shown_from
            packet.stream = stream
            trimmed.mux(packet)
    whole = read_whole(path, every, range(FRAMES))
    assert len(whole.frames) == FRAMES - 10
    for at in (0, 5, 40, 80, FRAMES - 11):
        assert resume(path, whole, at).frames_reread <= KEY_EVERY + REORDERED


@pytest.mark.parametrize("made", MADE[1:3], ids=lambda made: made.name)
def test_a_reading_broken_again_and_again_comes_to_the_same(tmp_path: Path, made: Made) -> None:
    path = made.write(tmp_path)

    def sampler() -> Sampler:
        return Sampler(frames_per_s=11)

    whole = read_whole(path, sampler, ())
    frames: list[Seen] = []
    bookmark, ended = Bookmark(), False
    while not ended:
        with VideoFile(path) as video:
            for frame, _ in zip(reading := video.frames(sampler(), bookmark), range(3), strict=False):
                frames.append(seen(frame))
                bookmark = video.bookmark()
            ended = video.verdict is not Verdict.UNFINISHED
            reading.close()  # type: ignore[attr-defined]
    assert (frames, account(video)) == (whole.frames, whole.account)


def harmed(path: Path) -> Path:
    """The clip with every tenth byte from its 60th to its 65th packet made another."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size][60:66]
    data = bytearray(path.read_bytes())
    for packet in packets:
        assert packet.pos is not None
        for position in range(packet.pos + 20, packet.pos + packet.size, 10):
            data[position] ^= 0x5A
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("made", [*MADE[:2], MADE[9]], ids=lambda made: made.name)
def test_damage_behind_a_bookmark_is_met_as_from_the_start(tmp_path: Path, made: Made) -> None:
    """What a decoder makes of damage depends on what it decoded before, so there is no seeking across it."""
    path = harmed(made.write(tmp_path))
    whole = read_whole(path, every, (5, 30, 50, 70, 90))
    assert whole.account.verdict is Verdict.PARTIAL
    assert whole.bookmarks[30].place is not None
    assert whole.bookmarks[90].place is None
    for at in whole.bookmarks:
        assert resume(path, whole, at).frames_reread > at


def test_cut_off_file_is_judged_as_in_one_go(tmp_path: Path) -> None:
    path = cut(Made(name="clip.mkv", encoder=B_FRAMES).write(tmp_path), 0.7)
    whole = read_whole(path, every, (10, 40))
    assert whole.account.problem is not None and "truncated" in whole.account.problem
    for at in whole.bookmarks:
        resume(path, whole, at)


def test_bookmark_before_the_first_frame_is_the_start(tmp_path: Path) -> None:
    path = make_shades(tmp_path)
    with VideoFile(path) as video:
        assert video.bookmark() == Bookmark()
        reading = video.frames(every())
        bookmark = video.bookmark()
        assert next(reading).index == 0
    with VideoFile(path) as video:
        assert len(list(video.frames(every(), bookmark))) == 30
        assert video.frames_reread == 0


def test_bookmark_at_the_end_gives_the_same_judgement_and_no_frame(tmp_path: Path) -> None:
    path = Made(name="clip.mp4", encoder=B_FRAMES).write(tmp_path)
    with VideoFile(path) as video:
        list(video.frames(Sampler(frames_per_s=1, stride=50)))
        bookmark, expected = video.bookmark(), account(video)
    with VideoFile(path) as video:
        assert list(video.frames(Sampler(frames_per_s=1, stride=50), bookmark)) == []
        assert account(video) == expected
        assert video.bookmark() == bookmark


def test_bookmark_of_a_closed_file_is_refused(tmp_path: Path) -> None:
    with VideoFile(make_shades(tmp_path)) as video:
        pass
    with pytest.raises(RuntimeError, match="outside of the with block"):
        video.bookmark()


def bookmark_behind(path: Path, index: int) -> Bookmark:
    return read_whole(path, every, (index,)).bookmarks[index]


def test_bookmark_of_another_file_is_not_trusted(tmp_path: Path) -> None:
    made = Made(name="clip.mp4", codec="mpeg4")
    bookmark = bookmark_behind(made.write(tmp_path), 50)
    assert bookmark.place is not None
    others = [
        make_clip(tmp_path / "noise.mp4", noise(FRAMES), key_every=KEY_EVERY),
        make_clip(tmp_path / "short.mp4", moving(20)),
        make_clip(tmp_path / "sparse.mp4", moving(FRAMES), pts=[3 * n for n in range(FRAMES)]),
        make_clip(tmp_path / "noise.ts", noise(FRAMES), codec="mpeg2video", fps=25),
    ]
    for other in others:
        whole = read_whole(other, every, ())
        lookalike = replace(bookmark.place.found.file, size_bytes=other.stat().st_size)
        place = replace(bookmark.place, found=replace(bookmark.place.found, file=lookalike))
        for after in (bookmark, replace(bookmark, place=place)):
            with VideoFile(other) as video:
                frames = [seen(frame) for frame in video.frames(every(), after)]
            assert frames == [frame for frame in whole.frames if frame.index >= 51]
            assert account(video) == whole.account


def test_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", moving(FRAMES))
    bookmark = bookmark_behind(path, 50)
    other = make_clip(tmp_path / "other.mp4", noise(FRAMES))
    with VideoFile(other) as video:
        other.unlink()
        with pytest.raises(VideoUnreadable, match=r"other\.mp4: no such file"):
            list(video.frames(every(), bookmark))


class Stopped(Exception):
    """The user's."""


@pytest.mark.parametrize("place_known", [True, False])
def test_long_way_to_the_bookmark_shows_signs_of_life_and_hears_a_stop(
    tmp_path: Path, place_known: bool
) -> None:
    images = moving(400)
    path = make_clip(tmp_path / "clip.mp4", images, key_every=600)
    whole = read_whole(path, every, (370,))
    after = whole.bookmarks[370]
    after = after if place_known else replace(after, place=None)
    signs: list[int] = []
    with VideoFile(path) as video:
        assert len(list(video.frames(every(), after, lambda: signs.append(video.frames_reread)))) == 29
        assert video.frames_reread == 371
    assert signs == list(range(50, 371, 50))

    def stop() -> None:
        raise Stopped

    with VideoFile(path) as video:
        with pytest.raises(Stopped):
            list(video.frames(every(), after, stop))
        assert video.bookmark() == after  # nothing was given, so nothing has changed


def test_unwanted_frames_give_signs_of_life_as_well(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mp4", moving(240))
    signs: list[int] = []
    with VideoFile(path) as video:
        list(
            video.frames(
                Sampler(frames_per_s=1, stride=120), None, lambda: signs.append(video.frames_decoded)
            )
        )
    assert len(signs) == 4


def test_stop_on_the_way_back_through_a_damaged_file_keeps_the_place(tmp_path: Path) -> None:
    """Having met damage, it reads from the start; a bookmark made meanwhile is of what has been given."""
    path = harmed(Made(name="clip.mp4", encoder="bframes=0").write(tmp_path))
    whole = read_whole(path, every, (30,))
    given: list[Seen] = []

    def stop() -> None:
        if len(given) > 1:
            raise Stopped

    with VideoFile(path) as video:
        with pytest.raises(Stopped):
            given.extend(seen(frame) for frame in video.frames(every(), whole.bookmarks[30], stop))
        bookmark = video.bookmark()
    assert bookmark.next_index == given[-1].index + 1
    with VideoFile(path) as video:
        given += [seen(frame) for frame in video.frames(every(), bookmark)]
    assert given == [frame for frame in whole.frames if frame.index > 30]
