"""The `dashcam` command with `Injected` in the place of `BuildStages`: `python -m chaoskit.run_injected run ...`."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """As `dashcam_pipeline.__main__` does it, with one name exchanged before anybody imports it."""
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))
    from chaoskit.injected import Injected
    from dashcam_pipeline.__main__ import main as command
    from dashcam_pipeline.stages import pipeline

    pipeline.BuildStages = lambda *arguments: Injected(arguments)  # type: ignore[assignment,misc]
    command()


if __name__ == "__main__":
    main()
