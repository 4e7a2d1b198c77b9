"""The checksums of the video files that a sighting comes from, computed where the files are still there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dashcam_pipeline.cli.counting import Counting
from dashcam_pipeline.errors import VideoUnreadable
from dashcam_pipeline.sources.identity import video_id
from dashcam_pipeline.storage.results.explaining import Explanation
from dashcam_pipeline.storage.results.original import Original

BLOCK_BYTES = 1 << 20  # what is counted on the way are MiB


def with_checksums(explanation: Explanation, counting: Counting) -> Explanation:
    """The same with the SHA-256 of each original file, or with the reason why it has none."""
    checked = tuple(_checked(original, counting) for original in explanation.originals)
    return replace(explanation, originals=checked)


def _checked(original: Original, counting: Counting) -> Original:
    if original.path is None:
        return replace(original, sha256_missing="it is not known where the file was")
    path = Path(original.path)
    if not path.is_file():
        return replace(original, sha256_missing="the file is not on this host where it was analysed")
    try:
        if video_id(path) != original.video_id:
            return replace(original, sha256_missing="the file that is there now is another one")
        digest = hashlib.sha256()
        for block in counting.over(_blocks(path), f"MiB of {path.name} read for its SHA-256"):
            digest.update(block)
    except VideoUnreadable as error:
        return replace(original, sha256_missing=f"the file {error.reason}")
    except OSError as error:
        return replace(original, sha256_missing=f"the file can't be read: {error.strerror}")
    return replace(original, sha256=digest.hexdigest(), sha256_at=datetime.now(UTC))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
