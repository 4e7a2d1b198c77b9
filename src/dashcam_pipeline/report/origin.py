"""How a sighting came about, in words: which files it is from, what analysed them and when, what its numbers mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dashcam_pipeline.report.wording import length, moment
from dashcam_pipeline.storage.results.explaining import Explanation
from dashcam_pipeline.storage.results.original import Original

CONFIDENCE_MEANS = (
    "of texts whose reads stood like these, the share that was right; how well that holds is measured in "
    "docs/accuracy.md of dashcam-pipeline, under Confidence"
)
VIDEO_ID_IS = (
    "the first 32 digits of a SHA-256 over the size of the file and blocks spread over it (a file up to 2 MiB: all of "
    "it): it tells videos apart, and a change between the blocks may escape it"
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the head of the report."""

    name: str
    value: str


def origin(explanation: Explanation) -> Iterator[Fact]:
    """The files with their checksums, and the run."""
    several = len(explanation.originals) > 1
    for original in explanation.originals:
        yield Fact("file", file_line(original))
        checksum = checksum_line(original)
        if checksum is not None:
            yield Fact("SHA-256", checksum)
        yield Fact("video id", original.video_id if several else f"{original.video_id}: {VIDEO_ID_IS}")
    if several:
        yield Fact("a video id is", VIDEO_ID_IS)
    yield Fact("analysed", analysed_line(explanation))


def file_line(original: Original) -> str:
    """Its name, size and length, as far as they are known."""
    size = None if original.size_bytes is None else f"{original.size_bytes:,} bytes"
    lasting = None if original.duration_s is None else length(original.duration_s)
    return ", ".join(part for part in (original.filename or original.video_id, size, lasting) if part)


def checksum_line(original: Original) -> str | None:
    """The checksum and of when it is, or why there is none; None where nobody asked for one."""
    if original.sha256 is not None:
        when = moment(original.sha256_at)
        return f"{original.sha256} (of the whole file, as it was at {when})"
    return None if original.sha256_missing is None else f"none: {original.sha256_missing}"


def analysed_line(explanation: Explanation) -> str:
    """When, by which run, and by what."""
    seen = explanation.sighting
    began = moment(seen.run_started_at.astimezone()) if seen.run_started_at else None
    ended = moment(seen.run_finished_at.astimezone()) if seen.run_finished_at else None
    when = [] if began is None else [f"{began} to {ended}" if ended else f"from {began} on"]
    by = [] if seen.version is None else [f"by dashcam-pipeline {seen.version}"]
    return ", ".join([*when, f"in run {seen.run_id}", *by])
