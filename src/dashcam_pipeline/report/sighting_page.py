"""One sighting as a page: its pictures, every look at it, the vote. Alone in one file, or as a page of a report."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dashcam_pipeline import __version__
from dashcam_pipeline.report.frame_boxes import FrameBox, frame_boxes
from dashcam_pipeline.report.sighting_votes import VOTES, positions
from dashcam_pipeline.report.sighting_words import (
    RIGHT_ALIGNED,
    LooksTable,
    facts,
    legend,
    looks_table,
    readers,
)
from dashcam_pipeline.report.templating import render
from dashcam_pipeline.report.wording import clock
from dashcam_pipeline.storage.results.explaining import Explained, Explanation

ABOUT = {
    "frame": "the whole frame",
    "vehicle": "the vehicle",
    "plate": "the plate",
    "all looks at the plate": "the plate in all looks that were read, with what was read",
}


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture of the page."""

    what: str
    address: str | None  # None: it is not there any more
    alt: str
    boxes: tuple[FrameBox, ...]  # on it


@dataclass(frozen=True, slots=True)
class ShownLooks:
    """The looks of one part of the sighting."""

    title: str
    table: LooksTable


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Where else a reader of the page can go, as addresses relative to it."""

    home: str
    card: str


def page(explanation: Explanation) -> str:
    """The page in one file that needs no other: pictures inside, no script."""
    addresses = {
        what: embedded for what, path in explanation.pictures().items() if (embedded := _embedded(path))
    }
    return _page(explanation, explanation.sighting.id, addresses, None)


def page_of_report(
    explanation: Explanation, key: str, addresses: Mapping[str, str], neighbours: Neighbours
) -> str:
    """The page as one of a report.

    Args:
        key: what the report calls the sighting.
        addresses: of its pictures, by what they show.
    """
    return _page(explanation, key, addresses, neighbours)


def _page(
    explanation: Explanation, key: str, addresses: Mapping[str, str], neighbours: Neighbours | None
) -> str:
    seen = explanation.sighting
    letters = readers(explanation.parts)
    tables = [looks_table(part.looks, letters) for part in explanation.parts]
    several = len(explanation.parts) > 1
    looks = [
        ShownLooks(f"Looks at it{f' of {part.id}, {part.video or str()}' if several else ''}", table)
        for part, table in zip(explanation.parts, tables, strict=True)
    ]
    return render(
        "sighting.html",
        title=f"{seen.text or 'No plate'} - sighting {key}",
        key=key,
        lead=_lead(seen),
        neighbours=neighbours,
        seen=seen,
        facts=list(facts(explanation, handed_on=True)),
        pictures=[
            ShownPicture(
                what,
                addresses.get(what),
                f"{ABOUT[what]} of sighting {key}",
                frame_boxes(seen) if what == "frame" else (),
            )
            for what in explanation.pictures()
        ],
        looks=[one for one in looks if one.table.rows],
        legend=legend(tables, letters),
        votes_title=VOTES.capitalize(),
        votes=list(positions(explanation)),
        right_aligned=RIGHT_ALIGNED,
        version=__version__,
    )


def _lead(seen: Explained) -> str:
    """Under the title, in one line."""
    parts = [seen.vehicle_class, f"{clock(seen.first_s)} to {clock(seen.last_s)}", seen.video_filename or ""]
    if seen.plate_confidence is not None:
        parts.insert(0, f"confidence {seen.plate_confidence:.2f}")
    return ", ".join(part for part in parts if part)


def _embedded(path: Path) -> str | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
