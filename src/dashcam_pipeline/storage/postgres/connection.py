"""Opening a connection to Postgres, and saying in one line why it can't be had."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import psycopg

from dashcam_pipeline.errors import DatabaseUnavailable
from dashcam_pipeline.storage.postgres.dsn import parse_dsn, redacted

CONNECT_TIMEOUT_S = 5
KEEPALIVE_S = 15
UNANSWERED_MS = 20_000  # a server that went silent is given up after this, not after 15 minutes

# A lost connection is told by our errors; where logging isn't set up, the library's warnings stay unprinted.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class _Cure:
    symptom: re.Pattern[str]
    advice: str


def _cure(symptom: str, advice: str) -> _Cure:
    return _Cure(re.compile(symptom, re.IGNORECASE), advice)


# What libpq and the server say, and what to do about it. The first match counts.
_CURES = (
    _cure(r"password authentication failed", "check user and password in --db"),
    _cure(r"no password supplied", "give the password in --db, in PGPASSWORD or in ~/.pgpass"),
    _cure(r"database \".*\" does not exist", "create it (createdb NAME) or correct the name in --db"),
    _cure(r"role \".*\" does not exist", "create the user (createuser NAME) or correct the name in --db"),
    _cure(r"no pg_hba.conf entry", "the server's pg_hba.conf must admit this user from this host"),
    _cure(r"peer authentication failed", "the server wants the system user of that name; add host=localhost"),
    _cure(r"could not translate host name|failed to resolve", "check the host name in --db"),
    _cure(r"timeout|timed out", "check host, port and firewall"),
    _cure(r"network is unreachable|no route to host", "check host and network"),
    _cure(r"connection refused", "check host and port, and that the server is running"),
    _cure(r"no such file or directory", "check the socket folder, and that the server is running"),
    _cure(r"too many clients|remaining connection slots", "close other clients or raise max_connections"),
    _cure(r"relation .* does not exist|column .* does not exist", "run `dashcam db init`"),
    _cure(r"permission denied", "grant this user SELECT on the tables, to write also INSERT, UPDATE, DELETE"),
    _cure(r"ssl", "check sslmode in --db"),
)


def connect(dsn: str, *, autocommit: bool = False) -> Connection:
    """A connection with short timeouts, that notices a server which went silent.

    Raises:
        DatabaseUnavailable: with the cause and what to do.
    """
    parameters: dict[str, str | int] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "dashcam",
        "keepalives_idle": KEEPALIVE_S,
        "tcp_user_timeout": UNANSWERED_MS,
    }
    parameters.update(parse_dsn(dsn))
    try:
        # Connection poolers that share a session between clients can't keep prepared statements.
        return psycopg.connect(**parameters, autocommit=autocommit, prepare_threshold=None)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise unavailable(dsn, error) from error


def unavailable(dsn: str, error: Exception) -> DatabaseUnavailable:
    """The error in one line: which database, what was wrong, what to do."""
    cause = one_line(error)
    advices = (cure.advice for cure in _CURES if cure.symptom.search(cause))
    advice = next(advices, "check --db and the server's log")
    return DatabaseUnavailable(f"can't use the database {redacted(dsn)}: {cause}. What to do: {advice}.")


def one_line(error: Exception) -> str:
    """What libpq said, without its preambles and without saying the same for each address it tried."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    line = next((entry for entry in lines if "failed:" in entry or "FATAL" in entry), lines[0])
    line = re.sub(r"^(connection failed: )?(connection to server .*? failed: )?(FATAL:\s*)?", "", line)
    return line.rstrip(".")
