"""Where the embedded server's socket lies: paths of sockets must be short and plain."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from dashcam_pipeline.errors import DatabaseUnavailable

SOCKET_PATH_BYTES = 103  # sockaddr_un holds 108 bytes on Linux and 104 on macOS, one of them the final NUL
SOCKET_NAME = ".s.PGSQL.5432"
# libpq and the server give commas, spaces and quotes in a socket folder's path meanings of their own.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+=-]+")


def socket_dir(data_dir: Path) -> Path:
    """The data dir itself, or where its path is too long or too odd, a folder of its own in the temporary one.

    The folder belongs to the owner of the data, who alone can enter it.

    Raises:
        DatabaseUnavailable: neither will do.
    """
    if _fits(data_dir):
        return data_dir
    owner = data_dir.stat()
    identity = f"{data_dir}-{owner.st_ino}"
    name = f"dashcam-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):
        path = parent / name
        if not _fits(path) or not os.access(parent, os.W_OK):
            continue
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
        if path.is_symlink() or found.st_uid not in (os.geteuid(), owner.st_uid):
            continue  # somebody else was there first
        os.chown(path, owner.st_uid, owner.st_gid)
        return path
    raise DatabaseUnavailable(
        f"the path {data_dir} is too long or too odd for a database socket, and the temporary folder "
        "can't be used instead. What to do: give a short --work-dir of plain letters."
    )


def _fits(folder: Path) -> bool:
    path = str(folder / SOCKET_NAME)
    return len(path.encode()) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(path) is not None
