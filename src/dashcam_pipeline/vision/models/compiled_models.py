"""Compiled OpenVINO models on disk: a process loads in a third of the time what another one has compiled before.

OpenVINO's own cache (CACHE_DIR) writes its files in place, so that two processes that start at once read halves of
them. Here a file is there as a whole or not at all, and one that doesn't hold what was written is made anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

FILES_KEPT = 32
"""A model has a file for each input shape, number of threads and precision; a few megabytes each."""

NESTED = frozenset({"If", "Loop", "TensorIterator"})
"""Operations with networks of their own inside, whose weights can't be looked at from outside: models with them are
not kept."""

SUFFIX = ".blob"
DIGEST_BYTES = 32

log = logging.getLogger(__name__)


def compiled_model(core: Any, network: Any, settings: Mapping[str, object], folder: Path | None) -> Any:
    """Compile a network for the CPU, or take what was compiled of the same one before.

    Args:
        core: OpenVINO's.
        network: with its input shapes set.
        settings: OpenVINO's options.
        folder: where compiled models are kept, by any number of processes; None = nowhere.

    Raises:
        RuntimeError: OpenVINO can't compile the network.
    """
    if folder is None or any(operation.get_type_name() in NESTED for operation in network.get_ops()):
        return core.compile_model(network, "CPU", settings)
    path = folder / f"{_key(core, network, settings)}{SUFFIX}"
    blob = _read(path)
    if blob is not None:
        try:
            return core.import_model(BytesIO(blob), "CPU", settings)
        except RuntimeError as error:
            log.info("the compiled model %s can't be taken and is made anew: %s", path, error)
    compiled = core.compile_model(network, "CPU", settings)
    with suppress(OSError, RuntimeError):  # a folder that takes nothing costs time, never a run
        _keep(path, compiled.export_model().getvalue())
    return compiled


def _key(core: Any, network: Any, settings: Mapping[str, object]) -> str:
    """All that decides what a compiled model does: its operations and weights, as they are now and not as they were
    in a file, the options, OpenVINO and the processor."""
    from openvino import __version__

    digest, places = hashlib.sha256(), {}
    for place, operation in enumerate(network.get_ordered_ops()):
        places[operation.get_name()] = place  # names differ from one reading to the next
        kind = operation.get_type_name()
        sources = [places[port.get_source_output().get_node().get_name()] for port in operation.inputs()]
        shapes = [str(port.partial_shape) for port in operation.outputs()]
        digest.update(f"{kind} {sources} {shapes} ".encode())
        digest.update(
            operation.data.tobytes() if kind == "Constant" else repr(operation.get_attributes()).encode()
        )
    cpu = [str(core.get_property("CPU", name)) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
    digest.update(repr((sorted(settings.items()), __version__, cpu)).encode())
    return digest.hexdigest()


def _read(path: Path) -> bytes | None:
    """What is in a file; None when it isn't there, or damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    with suppress(OSError):  # somebody else's files serve too
        os.utime(path)  # those that nobody asks for go first
    digest, blob = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    return blob if hashlib.sha256(blob).digest() == digest else None


def _keep(path: Path, blob: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        mine.write_bytes(hashlib.sha256(blob).digest() + blob)
        mine.replace(path)
    except OSError:
        mine.unlink(missing_ok=True)
        raise
    _prune(path.parent)


def _prune(folder: Path) -> None:
    """Remove those that were not used for longest, and what killed processes have left."""
    newest_last = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime)
    left = [file for file in folder.glob(f".*{SUFFIX}.*") if not Path(f"/proc/{file.suffix[1:]}").exists()]
    for file in (*newest_last[:-FILES_KEPT], *left):
        with suppress(OSError):
            file.unlink()
