"""Bringing model files here: from a mirror, else from the public addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dashcam_pipeline.downloads import NothingFetched, fetch_file, in_mirror, mirror_from, put_aside
from dashcam_pipeline.errors import DashcamError, WeightsCorrupt, WeightsMissing
from dashcam_pipeline.weights.manifest import Model, ModelFile, shipped
from dashcam_pipeline.weights.store import State, Status, check, folder, sha256

MIRROR_VARIABLE = "DASHCAM_WEIGHTS_MIRROR"

OnProgress = Callable[[str, int, int], None]
"""Called with the file's path in the manifest, the bytes so far and the bytes in all."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was brought here."""

    path: Path
    source: str


def fetch(names: Iterable[str] = (), on_progress: OnProgress | None = None) -> tuple[Fetched, ...]:
    """Bring the named models here, or those that a default run needs; what is here and right stays.

    Sources in order: `DASHCAM_WEIGHTS_MIRROR` (a folder, or the address of one), the public addresses.
    A file that is here with a wrong checksum is put aside first.

    Raises ConfigError (unknown name), BadInput (the mirror is no folder), WeightsMissing (no source has
    a file), WeightsCorrupt (what was offered had a wrong checksum), DiskUnavailable.
    """
    mirror = mirror_from(MIRROR_VARIABLE)
    fetched: list[Fetched] = []
    for model in shipped().named(names):
        # Twice, because a file that was missing may come from another export than those that were here.
        for _ in range(2):
            fetched += [_fetch(model, file, mirror, on_progress) for file in _to_fetch(check(model))]
        if check(model).state is not State.OK:
            raise WeightsCorrupt(
                f"the files of `{model.name}` that can be had come from different exports and don't belong "
                f"together; point {MIRROR_VARIABLE} at a folder that has all of them from one"
            )
    return tuple(fetched)


def _to_fetch(status: Status) -> list[ModelFile]:
    """The files of a model to bring; what lies there with a wrong checksum is put aside."""
    for path in status.corrupt:
        put_aside(path, path, sha256(path))
    if status.state is State.CORRUPT and not status.corrupt:
        return list(status.model.files)  # each is right, but not all of one export
    gone = {*status.missing, *status.corrupt}
    return [file for file in status.model.files if folder() / file.path in gone]


def _fetch(model: Model, file: ModelFile, mirror: str | None, on_progress: OnProgress | None) -> Fetched:
    target = folder() / file.path

    def report(done: int, length: int | None) -> None:
        if on_progress:
            on_progress(file.path, done, length or file.bytes)

    try:
        return Fetched(target, fetch_file(target, _sources(file, mirror), file.sha256, report))
    except NothingFetched as failure:
        raise _explained(model, file, failure) from None


def _sources(file: ModelFile, mirror: str | None) -> Iterator[str]:
    if mirror:
        yield in_mirror(mirror, file.path)
    yield from file.urls


def _explained(model: Model, file: ModelFile, failure: NothingFetched) -> DashcamError:
    note = f" Note: {model.public_note}" if model.public_note else ""
    error = WeightsCorrupt if failure.wrong_bytes else WeightsMissing
    own = f"; a model of your own can be named by its path in {model.role.key}, unchecked"
    return error(
        f"{file.path} of `{model.name}` can't be had: {failure}.{note} Point {MIRROR_VARIABLE} at a folder that "
        f"has {file.path}, or put the file into {folder()} yourself and run `dashcam weights verify`"
        f"{own if model.role.is_setting else ''}."
    )
