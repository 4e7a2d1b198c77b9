"""Looks at the bytes of a file that the decoder refuses, to say why in a user's words."""

from __future__ import annotations

from pathlib import Path

from dashcam_pipeline.sources.boxes import boxes, content_of

_HEAD_BYTES = 4096
_MAX_INDEX_BYTES = 64 << 20
_TOP_LEVEL_BOXES = frozenset(
    (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"styp", b"sidx", b"pnot", b"uuid")
)


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
    found = list(boxes(path))
    if not found or found[0].kind not in _TOP_LEVEL_BOXES:
        return None
    size = path.stat().st_size
    index = next((box for box in found if box.kind == b"moov"), None)
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
    for box in boxes(path):
        before, last = last.kind if last else b"", box
    if last is None:
        return None
    data_is_cut = last.kind == b"mdat" and before == b"moof" and last.end > path.stat().st_size
    return last.start if last.kind == b"moof" or data_is_cut else None


def is_encrypted(path: Path) -> bool:
    """Whether an MP4 file declares encrypted video (sample entry `encv`, ISO 23001-7)."""
    try:
        for box in boxes(path):
            if box.kind == b"moov":
                return b"encv" in content_of(path, box, _MAX_INDEX_BYTES)
    except OSError:
        pass
    return False


def _is_text(head: bytes) -> bool:
    if any(byte < 0x20 and byte not in b"\t\n\f\r\x1b" for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character cut in two at the end of the head
    return True
