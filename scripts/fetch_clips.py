"""Bring the demo's clips into a folder: `python scripts/fetch_clips.py FOLDER`.

Sources in order: DASHCAM_CLIPS_MIRROR (a folder, or the http(s) address of one), the public addresses of
scripts/clips.yaml. A clip that can't be had is named and left out; without any clip the command fails.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from dashcam_pipeline.downloads import NothingFetched, fetch_file, in_mirror, mirror_from
from dashcam_pipeline.errors import EXIT_BAD_INPUT, EXIT_ENVIRONMENT, EXIT_OK, DashcamError
from dashcam_pipeline.yaml_file import read_yaml_file

MANIFEST = Path(__file__).with_name("clips.yaml")
MIRROR_VARIABLE = "DASHCAM_CLIPS_MIRROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A line of the manifest."""

    file: str
    shows: str
    licence: str
    bytes: int
    sha256: str
    urls: list[str]

    def sources(self, mirror: str | None) -> list[str]:
        return [*([in_mirror(mirror, self.file)] if mirror else []), *self.urls]

    def is_at(self, path: Path) -> bool:
        """Whether exactly this clip lies at `path`."""
        if not path.is_file() or path.stat().st_size != self.bytes:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


def clips() -> list[Clip]:
    """What the manifest names."""
    return [Clip(**item) for item in read_yaml_file(MANIFEST).values["clips"]]


def fetch_clips(folder: Path) -> list[Path]:
    """Bring every clip that can be had into `folder`; where they lie. Says what it does, a line a clip."""
    mirror = mirror_from(MIRROR_VARIABLE)
    here = []
    for clip in clips():
        target = folder / clip.file
        try:
            if not clip.is_at(target):
                source = fetch_file(target, clip.sources(mirror), {clip.sha256})
                print(f"{clip.file} ({clip.shows}) from {source}")
            here.append(target)
        except NothingFetched as failure:
            print(f"{clip.file} left out: {failure}; {MIRROR_VARIABLE} can name a folder that has it")
    return here


def main() -> int:
    """Fetch into the folder named on the command line."""
    if len(sys.argv) != 2:
        print("usage: python scripts/fetch_clips.py FOLDER", file=sys.stderr)
        return EXIT_BAD_INPUT
    try:
        here = fetch_clips(Path(sys.argv[1]))
    except DashcamError as error:
        print(f"fetch_clips: {error}", file=sys.stderr)
        return error.exit_code
    if not here:
        print(f"no clip for the demo: set {MIRROR_VARIABLE} to a folder that has them", file=sys.stderr)
    return EXIT_OK if here else EXIT_ENVIRONMENT


if __name__ == "__main__":
    sys.exit(main())
