"""Decoding on a GPU (NVDEC) through FFmpeg, and on the CPU where that can't be had."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

import av.error
from av.codec.hwaccel import HWAccel
from av.container import InputContainer

CPU = "cpu"

log = logging.getLogger(__name__)


def opened_on(device: str, open_with: Callable[[HWAccel | None], InputContainer]) -> InputContainer:
    """Open a container whose video is decoded on a device.

    A codec that the device does not know is decoded on the CPU, by FFmpeg's own choice. Where the device can't be
    had at all, so is everything, and that is logged once a process.

    Args:
        device: `cpu`, `cuda` or `cuda:N`.
        open_with: opens the container; None = decode on the CPU.

    Raises:
        av.error.FFmpegError, OSError, ValueError, MemoryError: the container can't be opened, on the CPU either.
    """
    if device == CPU:
        return open_with(None)
    kind, _, number = device.partition(":")
    try:
        return open_with(HWAccel(device_type=kind, device=number or None, allow_software_fallback=True))
    except (av.error.FFmpegError, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        container = open_with(None)  # a file that can't be opened at all is not the device's fault
        _warn_once(device, str(error).partition(";")[0])
        return container


@cache
def _warn_once(device: str, reason: str) -> None:
    log.warning(
        "video can't be decoded on %s (%s), so the CPU does it: check the driver, or set run.decoder to cpu",
        device,
        reason,
    )
