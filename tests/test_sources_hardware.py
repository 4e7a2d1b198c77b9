"""Decoding on a GPU: what is asked of PyAV, and that a GPU that is not there costs a warning and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources import container, hardware
from dashcam_pipeline.sources.sampling import Sampler
from dashcam_pipeline.sources.video_file import VideoFile
from sources_clips import real_clip


@pytest.fixture(autouse=True)
def not_warned_yet() -> Iterator[None]:
    hardware._warn_once.cache_clear()
    yield
    hardware._warn_once.cache_clear()


class Asked:
    """Stands for `HWAccel`: remembers what was asked for."""

    def __init__(self, **wish: Any) -> None:
        self.wish = wish


@pytest.mark.parametrize(("device", "number"), [("cuda", None), ("cuda:0", "0"), ("cuda:3", "3")])
def test_the_device_of_the_settings_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, device: str, number: str | None
) -> None:
    monkeypatch.setattr(hardware, "HWAccel", Asked)
    tried: list[Any] = []
    hardware.opened_on(device, lambda wish: tried.append(wish))  # type: ignore[arg-type, return-value]
    (wish,) = tried
    assert wish.wish == {"device_type": "cuda", "device": number, "allow_software_fallback": True}


def test_the_cpu_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "HWAccel", None)
    tried: list[Any] = []
    hardware.opened_on("cpu", lambda wish: tried.append(wish))  # type: ignore[arg-type, return-value]
    assert tried == [None]


def frames(path: Path, device: str) -> list[Any]:
    with VideoFile(path, device=device) as video:
        return list(video.frames(Sampler(2.0)))


def test_without_the_device_all_frames_come_and_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clip = real_clip("videos", "uk_mercedes_LS15EBC_720p.mp4")
    really, wishes = av.open, []

    def no_gpu(*args: Any, hwaccel: Any = None, **more: Any) -> Any:
        wishes.append(hwaccel)
        if hwaccel is not None:
            raise PermissionError(1, "Operation not permitted")
        return really(*args, **more)

    monkeypatch.setattr(container.av, "open", no_gpu)
    on_gpu = frames(clip, "cuda:0")
    again = frames(clip, "cuda:0")
    assert [wish is not None for wish in wishes] == [True, False] * 2
    on_cpu = frames(clip, "cpu")
    assert len(on_gpu) == len(again) == len(on_cpu) > 5
    for one, other in zip(on_gpu, on_cpu, strict=True):
        assert (one.index, one.pts_s) == (other.index, other.pts_s)
        np.testing.assert_array_equal(one.image, other.image)
    (warning,) = caplog.records
    assert "cuda:0" in warning.message and "run.decoder" in warning.message


def test_a_broken_file_is_not_the_devices_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"not a video" * 100)
    with pytest.raises(VideoUnreadable, match="not a video"):
        container.open_video(tmp_path / "broken.mp4", device="cuda:0")
    assert not caplog.records
