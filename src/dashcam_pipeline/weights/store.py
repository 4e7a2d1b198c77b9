"""The model files on this host: where they lie, whether they are the right ones, what they are called.

A file counts only when its checksum is in the manifest, and all files of a model must come from the
same export. Files that a user names by path are the user's own and are not checked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import platformdirs

from dashcam_pipeline.assets import checkout
from dashcam_pipeline.errors import WeightsCorrupt, WeightsMissing
from dashcam_pipeline.user_paths import expanded
from dashcam_pipeline.weights.manifest import Manifest, Model, Role, shipped

MODEL_SUFFIXES = frozenset({".xml", ".onnx", ".pt", ".engine"})
_CHUNK_BYTES = 1 << 20


class State(StrEnum):
    """How the files of a model stand on this host."""

    OK = "ok"
    MISSING = "missing"  # at least one file isn't there
    CORRUPT = "corrupt"  # a file has a checksum that the manifest doesn't know, or exports are mixed


@dataclass(frozen=True, slots=True)
class Status:
    """A model and how its files stand."""

    model: Model
    state: State
    missing: tuple[Path, ...] = ()
    corrupt: tuple[Path, ...] = ()


def folder() -> Path:
    """Where model files lie.

    That is `DASHCAM_WEIGHTS_DIR`, else `weights/` of a source checkout, else the user's data folder.
    """
    if chosen := os.environ.get("DASHCAM_WEIGHTS_DIR"):
        return expanded(chosen)
    root = checkout()
    return root / "weights" if root else platformdirs.user_data_path("dashcam") / "weights"


def resolve(name_or_path: str, role: Role | str) -> Path:
    """The file a runtime opens for a model; its companions (`.bin`, `_plate_config.yaml`) lie beside it.

    Args:
        name_or_path: a name from the manifest, or the path of a model file.
        role: what it is to be used for.

    Raises ConfigError (unknown name, or a model of another role), WeightsMissing, WeightsCorrupt.
    """
    role = Role(role)
    if is_path(name_or_path):
        return _own_file(expanded(name_or_path), role)
    model = shipped().of_role(name_or_path, role)
    status = check(model)
    where = folder()
    if status.state is State.MISSING:
        files = ", ".join(str(path.relative_to(where)) for path in status.missing)
        raise WeightsMissing(
            f"{role.key}: weights of `{model.name}` are not in {where} ({files}): {fetch_command(model)}"
        )
    if status.state is State.CORRUPT:
        raise WeightsCorrupt(f"{role.key}: {corrupt_text(status)}: {fetch_command(model)} to replace it")
    return where / model.files[0].path


def fetch_command(model: Model) -> str:
    """What to do when a model is missing or corrupt."""
    return "run `dashcam weights fetch`" if model.default else f"run `dashcam weights fetch {model.name}`"


def is_path(name_or_path: str) -> bool:
    """Whether a setting means a file rather than a name from the manifest."""
    return "/" in name_or_path or Path(name_or_path).suffix in MODEL_SUFFIXES


def check(model: Model) -> Status:
    """How the files of `model` stand on this host."""
    where = folder()
    missing = tuple(where / file.path for file in model.files if not (where / file.path).is_file())
    if missing:
        return Status(model, State.MISSING, missing=missing)
    sums = [sha256(where / file.path) for file in model.files]
    pairs = list(zip(model.files, sums, strict=True))
    corrupt = tuple(where / file.path for file, found in pairs if found not in file.sha256)
    if corrupt:
        return Status(model, State.CORRUPT, corrupt=corrupt)
    exports = zip(*(file.sha256 for file in model.files), strict=True)
    state = State.OK if tuple(sums) in exports else State.CORRUPT
    return Status(model, state)


def corrupt_text(status: Status) -> str:
    """What is wrong with a corrupt model, in words."""
    if status.corrupt:
        return "; ".join(
            f"{path} has sha256 {sha256(path)}, which the manifest does not know" for path in status.corrupt
        )
    files = ", ".join(file.path for file in status.model.files)
    return f"the files of `{status.model.name}` in {folder()} come from different exports ({files})"


def verify(known: Manifest | None = None) -> tuple[Status, ...]:
    """How every model of the manifest stands on this host."""
    return tuple(check(model) for model in (known or shipped()).models)


def fingerprint(names_or_paths: Iterable[str]) -> str:
    """A short name for exactly these model files, for the row of a run.

    Takes what `resolve` took, after it has. The same files give the same 16 hex digits, in any order.
    """
    sums = sorted(sha256(path) for name in set(names_or_paths) for path in _all_files(name))
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()[:16]


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hex, remembered as long as its size and modification time stay."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _own_file(path: Path, role: Role) -> Path:
    for file in (path, *_companions(path, role)):
        if not file.is_file():
            beside = "" if file == path else f" (it belongs beside {path.name})"
            raise WeightsMissing(f"{role.key}: there is no file {file}{beside}")
    return path


def _companions(path: Path, role: Role | None = None) -> tuple[Path, ...]:
    """The files that a model file of the user's can't do without."""
    if path.suffix == ".xml":
        return (path.with_suffix(".bin"),)  # OpenVINO keeps the graph and its weights apart
    if role is Role.PLATE_READER:
        return (path.with_name(f"{path.stem}_plate_config.yaml"),)  # fast-plate-ocr: alphabet and regions
    return ()


def _all_files(name_or_path: str) -> list[Path]:
    if is_path(name_or_path):
        path = expanded(name_or_path)
        return [path, *_companions(path)]
    where = folder()
    return [where / file.path for file in shipped().get(name_or_path).files]
