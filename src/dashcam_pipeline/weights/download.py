"""Bringing model files here: from a mirror, else from the public addresses; nothing unverified gets a name.

A file is written under a temporary name and renamed once its checksum is right. One with a wrong checksum
is kept aside as `NAME.bad-<first 8 hex digits>`, so that it can be looked at.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from dashcam_pipeline.errors import DashcamError, DiskUnavailable, WeightsCorrupt, WeightsMissing
from dashcam_pipeline.weights.manifest import Model, ModelFile, manifest
from dashcam_pipeline.weights.store import State, Status, check, folder, sha256

TIMEOUT_S = 30.0  # for connecting, and for every wait for more bytes
_CHUNK_BYTES = 1 << 18

OnProgress = Callable[[str, int, int], None]
"""Called with the file's path in the manifest, the bytes so far and the bytes in all."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was brought here."""

    path: Path
    source: str


class _SourceError(Exception):
    """One source didn't give the file; the next one is tried."""

    def __init__(self, source: str, reason: str, wrong_bytes: bool = False) -> None:
        super().__init__(f"{source}: {reason}")
        self.wrong_bytes = wrong_bytes


def fetch(names: Iterable[str] = (), on_progress: OnProgress | None = None) -> tuple[Fetched, ...]:
    """Bring the named models here, or those that a default run needs; what is here and right stays.

    Sources in order: `DASHCAM_WEIGHTS_MIRROR` (a folder, or the address of one), the public addresses.

    Raises ConfigError (unknown name), WeightsMissing (no source has a file), WeightsCorrupt (all that
    was offered had a wrong checksum), DiskUnavailable (the weights folder can't be written to).
    """
    mirror = _mirror()
    fetched: list[Fetched] = []
    for model in manifest().named(names):
        status = check(model)
        fetched += [_fetch_file(model, file, mirror, on_progress) for file in _to_fetch(status)]
        after = check(model)
        if after.state is not State.OK:
            raise WeightsCorrupt(
                f"the files of `{model.name}` come from different exports; take all of them from one source"
            )
    return tuple(fetched)


def _to_fetch(status: Status) -> list[ModelFile]:
    """The files of a model to bring; what lies there with a wrong checksum is put aside."""
    for path in status.corrupt:
        _put_aside(path, path, sha256(path))
    if status.state is State.CORRUPT and not status.corrupt:
        return list(status.model.files)  # each is right, but not all of one export
    gone = {*status.missing, *status.corrupt}
    return [file for file in status.model.files if folder() / file.path in gone]


def _mirror() -> str | None:
    mirror = os.environ.get("DASHCAM_WEIGHTS_MIRROR")
    if mirror and not _is_address(mirror) and not Path(mirror).expanduser().is_dir():
        raise WeightsMissing(f"DASHCAM_WEIGHTS_MIRROR: there is no folder {mirror}")
    return mirror or None


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _sources(file: ModelFile, mirror: str | None) -> Iterator[str]:
    if mirror and _is_address(mirror):
        yield f"{mirror.rstrip('/')}/{quote(file.path)}"
    elif mirror:
        yield str(Path(mirror).expanduser() / file.path)
    yield from file.urls


def _fetch_file(model: Model, file: ModelFile, mirror: str | None, on_progress: OnProgress | None) -> Fetched:
    target = folder() / file.path
    failures: list[_SourceError] = []
    for source in _sources(file, mirror):
        try:
            _fetch_from(source, file, target, on_progress)
        except _SourceError as failure:
            failures.append(failure)
        else:
            return Fetched(target, source)
    raise _no_source(model, file, failures)


def _no_source(model: Model, file: ModelFile, failures: list[_SourceError]) -> DashcamError:
    tried = "; ".join(str(failure) for failure in failures) or "it has no public address"
    note = f" Note: {model.public_note}" if model.public_note else ""
    cure = (
        f"Point DASHCAM_WEIGHTS_MIRROR at a folder that has {file.path}, or put the file into {folder()} "
        f"yourself and run `dashcam weights verify`; a model of your own can be named by its path in "
        f"{model.role.key}, unchecked."
    )
    error = WeightsCorrupt if any(failure.wrong_bytes for failure in failures) else WeightsMissing
    return error(f"{file.path} of `{model.name}` can't be had: {tried}.{note} {cure}")


def _fetch_from(source: str, file: ModelFile, target: Path, on_progress: OnProgress | None) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part-{os.getpid()}")
        try:
            found = _copy(source, file, part, on_progress)
            if found not in file.sha256:
                kept = _put_aside(part, target, found)
                raise _SourceError(source, f"wrong checksum {found}, kept as {kept}", wrong_bytes=True)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DiskUnavailable(
            f"{target.parent}: {error.strerror or error}; make it writable, "
            "or set DASHCAM_WEIGHTS_DIR to another folder"
        ) from None


def _copy(source: str, file: ModelFile, part: Path, on_progress: OnProgress | None) -> str:
    """Write what `source` has into `part`; its SHA-256. Errors of writing are OSError."""
    digest = hashlib.sha256()
    with _opened(source) as (stream, length), part.open("wb") as out:
        done = 0
        while chunk := _read(stream, source):
            digest.update(chunk)
            out.write(chunk)
            done += len(chunk)
            if on_progress:
                on_progress(file.path, done, length or file.bytes)
    if length is not None and done < length:
        raise _SourceError(source, f"ended after {done} of {length} bytes")
    return digest.hexdigest()


@contextmanager
def _opened(source: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """The source's bytes and their announced number."""
    try:
        if _is_address(source):
            response = urllib.request.urlopen(source, timeout=TIMEOUT_S)
            length = response.headers.get("Content-Length")
            stream, size = response, int(length) if length else None
        else:
            stream, size = open(source, "rb"), Path(source).stat().st_size  # noqa: PTH123, SIM115 (closed below)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _SourceError(source, _reason(error)) from None
    with stream:
        yield stream, size


def _read(stream: IO[bytes], source: str) -> bytes:
    try:
        return stream.read(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _SourceError(source, _reason(error)) from None


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return _reason(error.reason) if isinstance(error.reason, Exception) else str(error.reason)
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:.0f} s"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _put_aside(path: Path, target: Path, found_sha256: str) -> Path:
    kept = target.with_name(f"{target.name}.bad-{found_sha256[:8]}")
    path.replace(kept)
    return kept
