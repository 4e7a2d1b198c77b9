"""What the options of `dashcam purge` mean: an age, a video, plates to remove and plates to keep."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from dashcam_pipeline.errors import BadInput
from dashcam_pipeline.storage.postgres.connection import Connection
from dashcam_pipeline.storage.results.finding_videos import videos_named
from dashcam_pipeline.storage.retention.plate_hash import hashed, is_hashed, normalised, plate_key
from dashcam_pipeline.storage.retention.purging import Aim
from dashcam_pipeline.storage.watching import watchlist
from dashcam_pipeline.storage.watching.watchlist_file import read_watchlist

AGE = re.compile(r"(?P<number>\d{1,5}) ?(?P<unit>[hdwy])")
HOURS = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}
WATCHLIST = "watchlist"


def age_of(text: str) -> timedelta:
    """What --older-than says. Raises BadInput."""
    match = AGE.fullmatch(text.strip().lower())
    if match is None:
        raise BadInput(f"--older-than {text}: no age; it is a number and h, d, w or y, as 30d")
    return timedelta(hours=int(match["number"]) * HOURS[match["unit"]])


def aim_of(
    connection: Connection,
    work_dir: Path,
    before: datetime | None,
    video: str | None,
    plate: str | None,
    keep_plates: str | None,
) -> Aim:
    """What the options mean. Raises BadInput for names of nothing."""
    key = plate_key(work_dir, create=False)
    videos = None if video is None else [one.video_id for one in videos_named(connection, video)]
    if videos == []:
        raise BadInput(
            f"--video {video}: no run has read a video of that name, path or id; see `dashcam runs show`"
        )
    plates = None if plate is None else tuple(_as_stored([plate], key))
    if plates == ():
        raise BadInput(f"--plate {plate}: no plate has neither letters nor digits")
    return Aim(
        before=before,
        video_ids=None if videos is None else tuple(videos),
        plates=plates,
        keep=() if keep_plates is None else tuple(_as_stored(_listed(connection, keep_plates), key)),
    )


def _listed(connection: Connection, keep: str) -> list[str]:
    """The plates that --keep-plates names."""
    if keep == WATCHLIST:
        return [entry.spelling for entry in watchlist.list_watched(connection)]
    if not Path(keep).is_file():
        if "," not in keep and ("/" in keep or Path(keep).suffix):
            raise BadInput(f"--keep-plates {keep}: there is no such file")
        plates = keep.split(",")
        if not any(map(normalised, plates)):
            raise BadInput(f"--keep-plates {keep!r}: there is no plate in it, so nothing would stay")
        return plates
    read = read_watchlist(Path(keep), near=False)
    if read.bad:  # what is left out would be removed
        raise BadInput(f"--keep-plates {keep}: {read.bad[0]}")
    if not read.wanted:
        raise BadInput(f"--keep-plates {keep}: there is no plate in it, so nothing would stay")
    return [entry.spelling for entry in read.wanted]


def _as_stored(plates: Iterable[str], key: bytes | None) -> Iterator[str]:
    """How rows may have these plates: as text, and as a hash where the key is at hand."""
    for plate in plates:
        if is_hashed(plate.strip()):
            yield plate.strip()
        elif plain := normalised(plate):
            yield plain
            if key is not None:
                yield hashed(plain, key)
