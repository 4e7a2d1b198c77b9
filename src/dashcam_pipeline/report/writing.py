"""Writes the report of a run: one folder of pages and pictures that needs no server and no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dashcam_pipeline import __version__
from dashcam_pipeline.report.arranging import Placed, arrange
from dashcam_pipeline.report.cards import FOLDER, Card, Standing, card
from dashcam_pipeline.report.folder import GENERATOR, INDEX, report_folder
from dashcam_pipeline.report.overview import Overview, VideoPart, overview
from dashcam_pipeline.report.pictures import copy_pictures
from dashcam_pipeline.report.search_data import search_data
from dashcam_pipeline.report.sighting_page import Neighbours, page_of_report
from dashcam_pipeline.report.templating import render
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.results import reading, reporting
from dashcam_pipeline.storage.results.explaining import explain_all
from dashcam_pipeline.storage.results.reading import RunSummary, VideoSummary
from dashcam_pipeline.storage.rows import DeadLetterRow

BATCH = 100  # sightings that are read from the database at once

OfVideo = TypeVar("OfVideo", VideoSummary, DeadLetterRow)

Say = Callable[[int, int], None]
"""Is told how many sightings are written, of how many."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a report has."""

    index: Path
    sightings: int
    plates: int
    missing_pictures: int


def write_report(
    connection: Connection,
    run: RunSummary,
    target: Path,
    video_ids: Sequence[str] | None = None,
    work_dir: Path | None = None,
    say: Say | None = None,
) -> Written:
    """Write the report of a run into a folder, in the place of an earlier report.

    Args:
        target: made if it isn't there; what no report wrote is not touched.
        video_ids: only of these videos.
        work_dir: where pictures are looked for that are not in the work dir of their run any more.

    Raises:
        BadInput: see `report_folder`.
        DiskUnavailable: the folder is full or can't be written to.
    """
    with report_folder(target) as folder:
        videos = _only(reading.list_videos(connection, run.run_id), video_ids)
        sightings = list(reading.iterate_sightings(connection, run, video_ids, work_dir))
        arranged = arrange(videos, sightings)
        (folder / FOLDER).mkdir()
        cards: dict[str, Card] = {}
        placed = [one for video in arranged for one in video.placed]
        for begin in range(0, len(placed), BATCH):
            cards.update(_sightings(connection, placed[begin : begin + BATCH], folder, work_dir))
            if say is not None:
                say(len(cards), len(sightings))
        whole = overview(
            run,
            reporting.made_with(connection, run.run_id),
            videos,
            reporting.list_footage(connection, run.run_id),
            _only(reading.list_dead_letters(connection, run.run_id), video_ids),
            arranged,
            cards,
        )
        _write_pages(whole, folder)
    return Written(target / INDEX, len(cards), whole.plates, whole.missing_pictures)


def _only(found: list[OfVideo], video_ids: Sequence[str] | None) -> list[OfVideo]:
    return found if video_ids is None else [one for one in found if one.video_id in video_ids]


def _sightings(
    connection: Connection, placed: Sequence[Placed], folder: Path, work_dir: Path | None
) -> Mapping[str, Card]:
    """Write the pages and pictures of some sightings; gives their cards."""
    uuids = [one.sighting.uuid for one in placed]
    explained = {one.sighting.uuid: one for one in explain_all(connection, uuids, work_dir)}
    alerts = reporting.find_alerts(connection, uuids)
    cards = {}
    for one in placed:
        explanation = explained.get(one.sighting.uuid)
        if explanation is None:  # removed in this moment by a run that read its video again
            continue
        pictures = copy_pictures(one.key, explanation.pictures(), folder)
        made = card(one.sighting, explanation, one.key, one.file, pictures, alerts.get(one.sighting.uuid))
        addresses = {what: f"../{address}" for what, address in pictures.whole.items()}
        neighbours = Neighbours(f"../{INDEX}", f"../{one.file}#card-{one.key}")
        text = page_of_report(explanation, one.key, addresses, neighbours)
        (folder / made.page).write_text(text, encoding="utf-8")
        cards[one.key] = made
    return cards


def _write_pages(whole: Overview, folder: Path) -> None:
    """The first page, and those of the videos where the cards have no room on the first."""
    cards = sorted(whole.cards, key=lambda one: list(Standing).index(one.standing))
    common = {
        "whole": whole,
        "version": __version__,
        "generator": f"{GENERATOR} {__version__}",
        "home": INDEX,
    }
    together = all(one.file == INDEX for one in cards)
    for video in () if together else whole.videos:
        for file in video.files:
            shown = [one for one in video.cards if one.file == file]
            _write(folder / file, "video.html", common, search_data(None), file, shown, video)
    data = search_data(None if together else cards)
    _write(folder / INDEX, "index.html", common, data, INDEX, cards if together else [], None)


def _write(
    path: Path,
    template: str,
    common: Mapping[str, object],
    data: Mapping[str, object],
    file: str,
    cards: Sequence[Card],
    video: VideoPart | None,
) -> None:
    text = render(template, **common, data=data, file=file, cards=cards, video=video)
    path.write_text(text, encoding="utf-8")
