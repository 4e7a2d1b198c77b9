"""Looks at the bytes of a file that the decoder refuses, to say why in a user's words."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BOX_HEADER = struct.Struct(">I4s")
_LARGE_SIZE = struct.Struct(">Q")
_HEAD_BYTES = 4096
_MAX_BOXES = 100_000  # a fragmented hour has some thousands at the top level
_MAX_INDEX_BYTES = 64 << 20
_TOP_LEVEL_BOXES = frozenset(
    (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"styp", b"sidx", b"pnot", b"uuid")
)


@dataclass(frozen=True, slots=True)
class _Box:
    """A top-level box of an MP4 or QuickTime file (ISO 14496-12, 4.2)."""

    kind: bytes
    start: int
    end: int  # as its header claims, possibly past the end of the file


def why_unopenable(path: Path) -> str | None:
    """Why a file that exists and isn't empty is no readable video; None when there is nothing to see.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not any(head):
        return "holds only zero bytes where a video should begin: the recording or the copy failed"
    if _is_text(head):
        return "is a text file, not a video"
    boxes = list(_boxes(path))
    if not boxes or boxes[0].kind not in _TOP_LEVEL_BOXES:
        return None
    size = path.stat().st_size
    index = next((box for box in boxes if box.kind == b"moov"), None)
    if index is None:
        return "its index (moov) is missing: the recording was cut off before it was finished"
    if index.end > size:
        return f"its index (moov) is cut off: {index.end - size} bytes are missing at the end of the file"
    return None


def intact_bytes(path: Path) -> int | None:
    """How much of a cut-off fragmented MP4 file is whole: up to the last fragment header or data that isn't.

    A fragment is a header (moof) and its data (mdat). None when the file is no fragmented MP4 or its last
    fragment is complete.

    Raises:
        OSError: the file can't be read.
    """
    last, before = None, b""
    for box in _boxes(path):
        before, last = last.kind if last else b"", box
    if last is None:
        return None
    data_is_cut = last.kind == b"mdat" and before == b"moof" and last.end > path.stat().st_size
    return last.start if last.kind == b"moof" or data_is_cut else None


def is_encrypted(path: Path) -> bool:
    """Whether an MP4 file declares encrypted video (sample entry `encv`, ISO 23001-7)."""
    try:
        for box in _boxes(path):
            if box.kind == b"moov":
                with path.open("rb") as file:
                    file.seek(box.start)
                    return b"encv" in file.read(min(box.end - box.start, _MAX_INDEX_BYTES))
    except OSError:
        pass
    return False


def _boxes(path: Path) -> Iterator[_Box]:
    size = path.stat().st_size
    start = 0
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
                length = size - start
            if length < smallest:
                return
            yield _Box(kind, start, start + length)
            start += length
            if start >= size:
                return


def _is_text(head: bytes) -> bool:
    if any(byte < 0x20 and byte not in b"\t\n\f\r\x1b" for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character cut in two at the end of the head
    return True
