"""Leave an environment with one working `cv2`: `python -m dashcam_pipeline.one_cv2`.

rapidocr, trackers, ultralytics and paddleocr each ask for another wheel of OpenCV, and all of them write
the same `cv2` folder: whichever pip unpacks last wins, and removing any of them breaks the rest. So after
an install, one wheel is chosen, the others are removed and the chosen one is laid down again.
Quick where there is nothing to do.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Mapping, Sequence

from dashcam_pipeline.errors import EXIT_ENVIRONMENT, EXIT_OK

PLAIN = "opencv-python"
CONTRIB = "opencv-contrib-python"  # what PaddleX asks for; it has all that the plain one has
HEADLESS = {PLAIN: "opencv-python-headless", CONTRIB: "opencv-contrib-python-headless"}  # need no libGL
FLAVOURS = (PLAIN, CONTRIB, *HEADLESS.values())
REPAIR_COMMAND = "python -m dashcam_pipeline.one_cv2"

_TRIAL = """
import numpy, cv2
ok, data = cv2.imencode(".jpg", numpy.full((64, 64, 3), 128, numpy.uint8))
assert ok and cv2.imdecode(data, cv2.IMREAD_COLOR).shape == (64, 64, 3)
"""
_TRIAL_TIMEOUT_S = 60


def installed() -> dict[str, str]:
    """The OpenCV wheels of this environment, name → version."""
    found = {}
    for flavour in FLAVOURS:
        try:
            found[flavour] = importlib.metadata.version(flavour)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def trouble() -> str | None:
    """What goes wrong when a new process imports and uses `cv2`; None when it works."""
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _TRIAL],
            capture_output=True,
            text=True,
            timeout=_TRIAL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_TRIAL_TIMEOUT_S} s"
    if trial.returncode == 0:
        return None
    lines = trial.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with status {trial.returncode}"


def chosen(wheels: Mapping[str, str], paddle: bool) -> str:
    """Which of these wheels stays: contrib beside PaddleX, else the plain one, else what there is."""
    order = (CONTRIB, PLAIN) if paddle else (PLAIN, CONTRIB)
    return next((flavour for flavour in (*order, *HEADLESS.values()) if flavour in wheels), PLAIN)


def repair() -> str:
    """Make it one working wheel, and say what was done. Raises RuntimeError when none works here."""
    wheels = installed()
    if len(wheels) == 1 and trouble() is None:
        only = next(iter(wheels))
        return f"cv2: {only} {wheels[only]}, works"
    keep = chosen(wheels, _is_installed("paddlex"))
    version = wheels.get(keep)
    _keep_only(keep, version)
    why = trouble()
    if why and keep in HEADLESS:
        # Without libGL or libglib, as on a server, the wheel with windows can't even be imported.
        keep = HEADLESS[keep]
        _keep_only(keep, version)
        why = trouble()
    if why:
        raise RuntimeError(f"cv2 from {keep} does not work here: {why}")
    removed = ", ".join(name for name in wheels if name != keep)
    return f"cv2: kept {keep} {installed()[keep]}" + (f", removed {removed}" if removed else "")


def _keep_only(keep: str, version: str | None) -> None:
    others = [name for name in installed() if name != keep]
    if others:
        _pip("uninstall", "--yes", *others)
    _pip("install", "--no-deps", "--force-reinstall", f"{keep}=={version}" if version else keep)


def _pip(*arguments: str) -> None:
    command: Sequence[str] = (
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        *arguments,
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"`pip {' '.join(arguments)}` failed: {done.stderr.strip()}")


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def main() -> int:
    """Repair, with one line about it."""
    try:
        print(repair())
    except RuntimeError as error:
        print(f"cv2: {error}", file=sys.stderr)
        return EXIT_ENVIRONMENT
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
