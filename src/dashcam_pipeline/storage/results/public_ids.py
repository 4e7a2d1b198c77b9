"""What sightings are called in commands."""

from __future__ import annotations

from collections.abc import Iterable

ID_CHARS = 8  # of the video's id that stand in a sighting's


def public_id(video_id: str, track_id: int, part: int, chars: int = ID_CHARS) -> str:
    """What a sighting is called in commands."""
    return f"{video_id[:chars]}-{track_id}{f'-{part}' if part else ''}"


def telling_chars(video_ids: Iterable[str]) -> int:
    """So many characters of their ids tell these videos from each other; at least `ID_CHARS`."""
    different = set(video_ids)
    longest = max([ID_CHARS, *map(len, different)])
    return next(
        n for n in range(ID_CHARS, longest + 1) if len({one[:n] for one in different}) == len(different)
    )
