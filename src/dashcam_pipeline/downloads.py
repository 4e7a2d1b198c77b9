"""Bringing one file here from the first source that has it right; nothing unverified gets the file's name.

A file is written under a temporary name and renamed once its checksum is right. One with a wrong checksum
is kept aside as `NAME.bad-<first 8 hex digits>`, so that it can be looked at.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from dashcam_pipeline.errors import BadInput, DiskUnavailable
from dashcam_pipeline.user_paths import expanded

TIMEOUT_S = 30.0  # for connecting, and for every wait for more bytes
_CHUNK_BYTES = 1 << 18

OnProgress = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in all, where the source says."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one source didn't give the file."""

    source: str
    reason: str
    wrong_bytes: bool = False  # it gave something, but not this file

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


class NothingFetched(Exception):
    """No source gave the file."""

    def __init__(self, failures: tuple[Failure, ...]) -> None:
        super().__init__("; ".join(map(str, failures)) or "there is no address to get it from")
        self.wrong_bytes = any(failure.wrong_bytes for failure in failures)


class _SourceError(Exception):
    """This source failed; the next one is tried."""


def mirror_from(variable: str) -> str | None:
    """The folder or http(s) address in an environment variable. Raises BadInput for a folder that isn't there."""
    mirror = os.environ.get(variable)
    if mirror and not _is_address(mirror) and not expanded(mirror).is_dir():
        raise BadInput(f"{variable}: there is no folder {mirror}")
    return mirror or None


def in_mirror(mirror: str, path: str) -> str:
    """The source for a file that lies under `path` in a mirror."""
    if _is_address(mirror):
        return f"{mirror.rstrip('/')}/{quote(path)}"
    return str(expanded(mirror) / path)


def fetch_file(
    target: Path, sources: Iterable[str], sha256s: Collection[str], on_progress: OnProgress | None = None
) -> str:
    """Put the file at `target`, from the first source whose bytes have one of the checksums.

    Args:
        sources: paths of files and http(s) addresses, in the order in which to try them.
        sha256s: in hex.

    Returns:
        the source it came from.

    Raises NothingFetched, DiskUnavailable (the target's folder can't be written to).
    """
    failures: list[Failure] = []
    for source in sources:
        try:
            failure = _fetch_from(source, target, sha256s, on_progress)
        except _SourceError as error:
            failure = Failure(source, str(error))
        except OSError as error:
            raise DiskUnavailable(
                f"{target.parent}: {error.strerror or error}; make room there, or make it writable"
            ) from None
        if failure is None:
            return source
        failures.append(failure)
    raise NothingFetched(tuple(failures))


def put_aside(path: Path, target: Path, found_sha256: str) -> Path:
    """Rename `path`, which is not what `target` should be, so that it can be looked at; its new name."""
    kept = target.with_name(f"{target.name}.bad-{found_sha256[:8]}")
    path.replace(kept)
    return kept


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _fetch_from(
    source: str, target: Path, sha256s: Collection[str], on_progress: OnProgress | None
) -> Failure | None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        found = _copy(source, part, on_progress)
        if found in sha256s:
            part.replace(target)
            return None
        kept = put_aside(part, target, found)
        return Failure(source, f"wrong checksum {found}, kept as {kept}", wrong_bytes=True)
    finally:
        part.unlink(missing_ok=True)


def _copy(source: str, part: Path, on_progress: OnProgress | None) -> str:
    """Write what `source` has into `part`; its SHA-256. Errors of writing are OSError."""
    digest = hashlib.sha256()
    done = 0
    with _opened(source) as (stream, length), part.open("wb") as out:
        while chunk := _read(stream):
            digest.update(chunk)
            out.write(chunk)
            done += len(chunk)
            if on_progress:
                on_progress(done, length)
    if length is not None and done < length:
        raise _SourceError(f"ended after {done} of {length} bytes")
    return digest.hexdigest()


@contextmanager
def _opened(source: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """The source's bytes and their announced number."""
    try:
        if _is_address(source):
            stream = urllib.request.urlopen(source, timeout=TIMEOUT_S)
            announced = stream.headers.get("Content-Length")
            length = int(announced) if announced else None
        else:
            length = Path(source).stat().st_size
            stream = open(source, "rb")  # noqa: PTH123, SIM115 (closed below, like the other)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _SourceError(_reason(error)) from None
    with stream:
        yield stream, length


def _read(stream: IO[bytes]) -> bytes:
    try:
        return stream.read(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _SourceError(_reason(error)) from None


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return _reason(error.reason)
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
