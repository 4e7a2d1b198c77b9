"""What models said about pictures, kept on disk, so that a drive is seen again in seconds when only a policy changed.

The key is the picture's bytes, the model's file, how it is asked, and the code that turns its outputs into records.
What is stored is what `detect` or `read` gave for one picture; it does not depend on the pictures beside it.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pickle
import pkgutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchkit.trouble import BenchTrouble
from dashcam_pipeline import stages
from dashcam_pipeline.vision import types
from dashcam_pipeline.vision.models import detector, fitted, heads, input_size, plate_reader
from dashcam_pipeline.vision.models.runtime import RuntimeOptions
from dashcam_pipeline.vision.types import Image

FILE_NAME = "models.sqlite"
PUTS_A_COMMIT = 500
_DETECTING = (heads, input_size, fitted, detector.RuntimeDetector, types.Box, types.Detection)
CODE: Mapping[Callable[..., Any], Sequence[Any]] = {
    detector.open_vehicle_detector: _DETECTING,
    detector.open_plate_detector: _DETECTING,
    plate_reader.open_plate_reader: (plate_reader, types.PlateRead),
}
"""What opens a model, and the code that makes records of its outputs."""


class ModelCache:
    """A file of answers."""

    def __init__(self, folder: Path) -> None:
        """Raises BenchTrouble where the folder can't be used."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(folder / FILE_NAME)
            self._file.execute("pragma journal_mode=wal")
            self._file.execute("pragma synchronous=off")
            self._file.execute(
                "create table if not exists answers (key blob primary key, answer blob) without rowid"
            )
        except (OSError, sqlite3.Error) as error:
            raise BenchTrouble(f"{folder} can't hold a cache ({error}): name another with --cache") from error
        self._puts = 0

    def get(self, key: bytes) -> Any:
        """The answer, or None."""
        row = self._file.execute("select answer from answers where key = ?", (key,)).fetchone()
        return None if row is None else pickle.loads(row[0])

    def put(self, key: bytes, answer: object) -> None:
        self._file.execute("insert or replace into answers values (?, ?)", (key, pickle.dumps(answer)))
        self._puts += 1
        if self._puts % PUTS_A_COMMIT == 0:
            self._file.commit()

    def close(self) -> None:
        self._file.commit()
        self._file.close()


class CachedModel:
    """A detector or a reader that is loaded once a picture comes that nobody has asked it about."""

    def __init__(self, cache: ModelCache, described: str, load: Callable[[], Any]) -> None:
        self._cache, self._described, self._load = cache, described.encode(), load
        self._loaded: Any = None

    @property
    def name(self) -> str:
        return str(self._model.name)

    def detect(self, images: Sequence[Image]) -> list[Any]:
        return [self._answer(image, lambda one: self._model.detect([one])[0]) for image in images]

    def read(self, images: Sequence[Image]) -> list[Any]:
        return [self._answer(image, lambda one: self._model.read([one])[0]) for image in images]

    @property
    def _model(self) -> Any:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def _answer(self, image: Image, ask: Callable[[Image], Any]) -> Any:
        digest = hashlib.sha1(self._described, usedforsecurity=False)
        digest.update(repr(image.shape).encode())
        digest.update(np.ascontiguousarray(image).data)
        answer = self._cache.get(digest.digest())
        if answer is None:
            answer = ask(image)
            self._cache.put(digest.digest(), answer)
        return answer


@contextmanager
def cached_models(cache: ModelCache) -> Iterator[None]:
    """Have every stage that is built meanwhile ask the cache first."""
    modules = _product_modules()
    replaced = []
    for own in CODE:
        for module in modules:
            if getattr(module, own.__name__, None) is own:
                setattr(module, own.__name__, _through(cache, own))
                replaced.append((module, own))
    try:
        yield
    finally:
        for module, own in replaced:
            setattr(module, own.__name__, own)


def _through(cache: ModelCache, open_model: Callable[..., Any]) -> Callable[..., CachedModel]:
    def opened(*given: Any, **named: Any) -> CachedModel:
        described = [open_model.__name__, _code(CODE[open_model]), *map(_described, given)]
        described += [f"{name}={_described(value)}" for name, value in sorted(named.items())]
        return CachedModel(cache, "|".join(described), lambda: open_model(*given, **named))

    return opened


def _described(value: object) -> str:
    """An argument without what belongs to this host's folders or to speed alone."""
    if isinstance(value, Path):
        return f"{value.name}:{value.stat().st_size}"
    if isinstance(value, RuntimeOptions):
        return f"{value.chosen_engine} {value.chosen_precision} {value.device}"
    return repr(value)


def _code(parts: Sequence[Any]) -> str:
    text = "".join(inspect.getsource(one) for one in parts)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _product_modules() -> list[Any]:
    """All loaded modules of the product; those of the stages are loaded first, which else come when they are built."""
    for found in pkgutil.iter_modules(stages.__path__):
        importlib.import_module(f"{stages.__name__}.{found.name}")
    return [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("dashcam_pipeline.") and module
    ]
