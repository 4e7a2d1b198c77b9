"""The start of the `dashcam` command: light, so that Ctrl+C is heard while the rest is still being imported."""

from __future__ import annotations

import os
import signal
from types import FrameType

from dashcam_pipeline.errors import EXIT_STOPPED


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, _leave)
    from dashcam_pipeline.cli import main as command_line

    command_line(when_loaded=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(EXIT_STOPPED)


if __name__ == "__main__":
    main()
