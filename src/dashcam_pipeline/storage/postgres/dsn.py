"""Postgres connection strings: reading them, and showing or storing them without their password."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dashcam_pipeline.errors import BadInput

HIDDEN = "***"
SECRETS = ("password", "sslpassword", "oauth_client_secret")

Parameters = dict[str, str]
"""libpq's own keywords (host, port, user, password, dbname, sslmode, …) and their values."""


def parse_dsn(dsn: str) -> Parameters:
    """The parameters of a connection string, given as a URI or as `key=value` pairs.

    Raises:
        BadInput: it is neither.
    """
    try:
        return {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    except (psycopg.Error, UnicodeError):
        # libpq quotes what it stumbles on, and that may be the password: its text is not repeated.
        raise BadInput(
            "what --db, DASHCAM_DSN or storage.dsn says is not a Postgres connection string: write "
            "postgresql://USER:PASSWORD@HOST:5432/DATABASE (special characters in the password %-encoded) "
            "or 'host=HOST user=USER dbname=DATABASE'"
        ) from None


def to_uri(parameters: Parameters) -> str:
    """The same connection as a URI that psql, psycopg and every libpq program take."""
    rest = dict(parameters)
    user, password = rest.pop("user", ""), rest.pop("password", "")
    login = quote(user, safe="") + (f":{quote(password, safe=HIDDEN)}" if password else "")
    host = port = ""
    # Sockets and lists of hosts have no place before the `/`; libpq takes them behind the `?`.
    if _is_plain_host(rest.get("host", "")):
        host, port = rest.pop("host", ""), rest.pop("port", "")
    authority = (f"{login}@" if login else "") + host + (f":{port}" if port else "")
    database = quote(rest.pop("dbname", ""), safe="")
    query = urlencode(rest, quote_via=quote, safe="/,")
    return f"postgresql://{authority}/{database}" + (f"?{query}" if query else "")


def without(parameters: Parameters, *keys: str) -> Parameters:
    return {key: value for key, value in parameters.items() if key not in keys}


def without_secrets(dsn: str) -> str:
    """The connection string as a URI without any password: fit to be stored."""
    return to_uri(without(parse_dsn(dsn), *SECRETS))


def redacted(dsn: str) -> str:
    """The connection string as a URI with its passwords blotted out: fit to be shown."""
    return to_uri({key: HIDDEN if key in SECRETS else value for key, value in parse_dsn(dsn).items()})


def has_password(dsn: str) -> bool:
    return "password" in parse_dsn(dsn)


def _is_plain_host(host: str) -> bool:
    return bool(host) and all(c.isalnum() or c in ".-_" for c in host)
