"""Where the new file goes: never over another unasked, and never half of it under its name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashcam_pipeline.errors import BadInput, DiskUnavailable
from dashcam_pipeline.render.encoding import FORMATS
from dashcam_pipeline.user_paths import expanded, shown


def default_output(video: Path) -> Path:
    """In the current folder."""
    return Path(f"{video.stem}.rendered.mp4")


def check_output(output: Path, video: Path, force: bool) -> Path:
    """The file that will be written, of a link the one behind it.

    Raises:
        BadInput: it is there already, is the source itself, has an ending that is no video's, or can't be one.
    """
    target = expanded(output).resolve()
    if target.suffix.lower() not in FORMATS:
        raise BadInput(f"-o {shown(output)}: the file has to end in {', '.join(FORMATS)}")
    if target.is_dir() or not target.parent.is_dir():
        problem = "is a folder" if target.is_dir() else f"there is no folder {shown(target.parent)}"
        raise BadInput(f"-o {shown(output)}: {problem}; name a file")
    if target.exists() and video.exists() and target.samefile(video):
        raise BadInput(f"-o {shown(output)}: is the video itself; name another file")
    if target.exists() and not force:
        raise BadInput(
            f"{shown(output)} is there already: name another file with -o, or replace it with --force"
        )
    if not os.access(target.parent, os.W_OK):
        raise BadInput(f"-o {shown(output)}: can't be written to")
    return target


@contextmanager
def whole_video(target: Path) -> Iterator[Path]:
    """Where to write: a hidden file beside the target, which takes its name when the block ends without an error.

    Raises:
        DiskUnavailable: it can't be given its name.
    """
    partial = target.with_name(
        f".{os.getpid()}.rendering{target.suffix}"
    )  # short, whatever the target is called
    try:
        yield partial
        try:
            partial.replace(target)
        except OSError as error:
            raise DiskUnavailable(f"can't write {shown(target)}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
