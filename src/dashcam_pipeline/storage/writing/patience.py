"""Patience with a disk: a write that it refuses is tried again, until there is room or time is up."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from dashcam_pipeline.errors import DiskUnavailable

MAY_PASS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO})
"""What a full, closed or failing disk says; somebody may free it, mount it or give back the rights."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

Result = TypeVar("Result")


def patiently(
    write: Callable[[], Result],
    *,
    patience_s: float,
    pause: Callable[[float, str], object],
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Do `write`, again and again with growing pauses while the disk refuses it.

    Args:
        write: may be called several times; raises OSError or DiskUnavailable when the disk refuses.
        patience_s: how long it is tried.
        pause: called with the seconds to wait and the disk's words. What it raises ends the trying.
        clock: in seconds.

    Returns:
        What `write` returns.

    Raises:
        DiskUnavailable: the disk refused for `patience_s`.
        OSError, DiskUnavailable: at once, where waiting can't help.
    """
    give_up_at = clock() + patience_s
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return write()
        except (OSError, DiskUnavailable) as error:
            if not _may_pass(error):
                raise
            left_s = give_up_at - clock()
            if left_s <= 0:
                raise DiskUnavailable(
                    f"{str(error).rstrip('.')}. It was tried for {patience_s:.0f} s. Nothing is lost: once the disk "
                    "can be written to again, the same command continues the run."
                ) from error
            pause(min(pause_s, left_s), str(error))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _may_pass(error: OSError | DiskUnavailable) -> bool:
    """Only our own error without an operating system's behind it is trusted to be about the disk."""
    cause = error.__cause__ if isinstance(error, DiskUnavailable) else error
    return not isinstance(cause, OSError) or cause.errno in MAY_PASS
