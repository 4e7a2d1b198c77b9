"""The boxes that MP4 and QuickTime files are made of (ISO 14496-12, 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BOX_HEADER = struct.Struct(">I4s")
_LARGE_SIZE = struct.Struct(">Q")
_MAX_BOXES = 100_000  # a fragmented hour has some thousands at the top level


@dataclass(frozen=True, slots=True)
class Box:
    """One box; positions in bytes of the file."""

    kind: bytes
    start: int
    content: int  # where its content begins
    end: int  # as its header claims, possibly past the end of the file


def boxes(path: Path, inside: Box | None = None) -> Iterator[Box]:
    """The boxes of a file's top level, or those inside another box, as far as they can be followed.

    Raises:
        OSError: the file can't be read.
    """
    start = inside.content if inside is not None else 0
    size = path.stat().st_size
    end = min(size, inside.end) if inside is not None else size
    with path.open("rb") as file:
        for _ in range(_MAX_BOXES):
            file.seek(start)
            header = file.read(_BOX_HEADER.size + _LARGE_SIZE.size)
            if len(header) < _BOX_HEADER.size:
                return
            length, kind = _BOX_HEADER.unpack_from(header)
            smallest = _BOX_HEADER.size
            if length == 1 and len(header) == _BOX_HEADER.size + _LARGE_SIZE.size:
                (length,) = _LARGE_SIZE.unpack_from(header, _BOX_HEADER.size)
                smallest += _LARGE_SIZE.size
            elif length == 0:  # up to the end of the file
                length = end - start
            if length < smallest:
                return
            yield Box(kind, start, start + smallest, start + length)
            start += length
            if start >= end:
                return


def content_of(path: Path, box: Box, most_bytes: int) -> bytes:
    """What a box holds, no more than so many bytes of it.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        file.seek(box.content)
        return file.read(max(0, min(box.end - box.content, most_bytes)))
