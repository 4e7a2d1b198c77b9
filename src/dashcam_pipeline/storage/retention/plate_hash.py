"""A plate as a keyed hash: the same plate gives the same hash, and without the key none gives its plate back."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from pathlib import Path

from dashcam_pipeline.config import PrivacySettings
from dashcam_pipeline.durable import sync_folder
from dashcam_pipeline.errors import ConfigError, DiskUnavailable

ENVIRONMENT = "DASHCAM_PLATE_KEY"
FILE_NAME = "plate.key"
"""Of the key in the work dir, where the environment names none."""
MODE = 0o600
KEY_BYTES = 32
LEAST_CHARS = 16
"""A shorter key can be guessed."""

PREFIX = "h:"
DIGEST_CHARS = 20  # hexadecimal: 80 bits, so that no two plates of the world meet
KEY_ID_CHARS = 4
SHOWN_CHARS = 6
HASHED = re.compile(rf"{PREFIX}[0-9a-f]{{{DIGEST_CHARS + KEY_ID_CHARS}}}")
KEY_ID_OF = b"id of a key for plates"


def normalised(text: str) -> str:
    """A plate as it is compared: upper case, without what stands between its characters."""
    return "".join(character for character in text.upper() if character.isalnum())


def hashed(text: str, key: bytes) -> str:
    """The hash of a plate: `h:`, 20 hexadecimal digits of its HMAC-SHA256 (RFC 2104), and 4 that name the key.

    Args:
        text: in any spelling, see `normalised`; one that is hashed already stays as it is.
        key: see `plate_key`.
    """
    if is_hashed(text):
        return text
    digest = hmac.digest(key, normalised(text).encode(), "sha256").hex()[:DIGEST_CHARS]
    return f"{PREFIX}{digest}{key_id(key)}"


def is_hashed(text: str | None) -> bool:
    """Whether this is a hash instead of a plate."""
    return text is not None and HASHED.fullmatch(text) is not None


def key_id(key: bytes) -> str:
    """Tells a key from others, and nothing else of it: 4 hexadecimal digits."""
    return hmac.digest(key, KEY_ID_OF, "sha256").hex()[:KEY_ID_CHARS]


def key_id_of(text: str) -> str:
    """Which key a hash was made with."""
    return text[-KEY_ID_CHARS:]


def shown(text: str) -> str:
    """A plate for a line with little room: of a hash its beginning, "h:1a2b3c…"; of any other text all."""
    return f"{text[: len(PREFIX) + SHOWN_CHARS]}…" if is_hashed(text) else text


def plate_key(work_dir: Path, create: bool) -> bytes | None:
    """The key for plates: of the environment (DASHCAM_PLATE_KEY), else of the file `plate.key` of the work dir.

    The text of the file, put into the environment, is the same key: so several work dirs and hosts share one.

    Args:
        create: make a random one where there is none; else that gives None. Processes that do so at the same time
            all get the same.

    Raises:
        ConfigError: it is too short to be kept secret.
        DiskUnavailable: the file can't be read or made.
    """
    if given := os.environ.get(ENVIRONMENT, "").strip():
        return _checked(given, ENVIRONMENT)
    path = work_dir / FILE_NAME
    try:
        if not path.exists():
            if not create:
                return None
            _make(path)
        return _checked(path.read_text("utf-8", errors="surrogateescape").strip(), str(path))
    except OSError as error:
        raise DiskUnavailable(
            f"the key for plates {path} can't be used: {error.strerror or error}. What to do: make it readable for "
            f"this user, or give the key in {ENVIRONMENT}."
        ) from error


def key_in_use(privacy: PrivacySettings, work_dir: Path) -> bytes | None:
    """The key by which a run hashes plates, made where there is none; None: it doesn't hash them.

    Raises:
        ConfigError: it is not the key that `privacy.plate_key_id` names. See also `plate_key`.
    """
    if not privacy.hash_plates:
        return None
    wanted = privacy.plate_key_id
    key = plate_key(work_dir, create=wanted is None)
    if key is None or wanted not in (None, key_id(key)):
        at_hand = "there is none" if key is None else f"the one at hand is {key_id(key)}"
        raise ConfigError(
            f"plates were hashed with the key {wanted}, {at_hand}: equal plates would get other hashes. What to do: "
            f"give that key, in {ENVIRONMENT} or as {work_dir / FILE_NAME}; or begin anew with --restart, and "
            "privacy.plate_key_id null."
        )
    return key


def _checked(text: str, where: str) -> bytes:
    if len(text) < LEAST_CHARS:
        raise ConfigError(
            f"{where}: a key for plates has at least {LEAST_CHARS} characters, this one has {len(text)}. What to do: "
            "take a random one, as `openssl rand -hex 32` prints it."
        )
    return text.encode("utf-8", errors="surrogateescape")


def _make(path: Path) -> None:
    """Put a random key in its place; one that another process has put there meanwhile stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new, path)  # unlike a rename, this replaces nothing
        except FileExistsError:
            return
        except OSError:  # a file system without links, as those of memory cards
            new.replace(path)
        sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)
