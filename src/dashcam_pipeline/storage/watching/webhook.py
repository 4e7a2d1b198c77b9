"""Posting an alert to a webhook, and what its answer means: taken, to be tried again, or not worth another try."""

from __future__ import annotations

import email.utils
import http.client
import json
import math
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO

from dashcam_pipeline.errors import ConfigError

TOKEN_VARIABLE = "DASHCAM_WEBHOOK_TOKEN"
TRY_AGAIN = frozenset({408, 429})
"""What a client did is wrong by its 4xx status, and would be again: except for these."""
LONGEST_WISH_S = 86_400.0
"""A webhook that asks for a longer pause than this gets this one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a post."""

    error: str | None = None  # why it was not taken, in one line; None: it was
    another_try: bool = False  # it may go well later
    pause_s: float | None = None  # so long the webhook asks to be left alone


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would make a GET of a POST, and carry the token to whom it was not meant for."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def token_of_environment(environment: Mapping[str, str] | None = None) -> str | None:
    """The secret that goes with every post; None where there is none.

    Raises:
        ConfigError: it can't stand in a header.
    """
    token = (os.environ if environment is None else environment).get(TOKEN_VARIABLE, "").strip()
    if not (token.isascii() and token.isprintable()):
        raise ConfigError(f"{TOKEN_VARIABLE}: a token has printable ASCII characters only, and is one line")
    return token or None


def post(
    url: str, payload: Mapping[str, object], *, alert_id: str, token: str | None, timeout_s: float
) -> Answer:
    """Post JSON. Never raises for what a network or a server can do.

    Args:
        alert_id: goes along as `Idempotency-Key`, for a server that wants to take an alert once.
        timeout_s: of silence.
    """
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "dashcam",
        "Idempotency-Key": alert_id,
    }
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, json.dumps(payload).encode(), headers, method="POST")
    try:
        with _OPENER.open(request, timeout=timeout_s):
            return Answer()
    except urllib.error.HTTPError as error:
        with error:
            return _refused(error.code, error.reason, error.headers)
    except (OSError, http.client.HTTPException) as error:
        return Answer(_silent(error, timeout_s), another_try=True)


def _refused(status: int, reason: str, headers: Message) -> Answer:
    line = f"HTTP {status} {reason}".strip()
    if 300 <= status < 400:
        return Answer(
            f"{line}: it redirects to {headers.get('Location', 'nowhere')}, name that address itself"
        )
    again = status >= 500 or status in TRY_AGAIN
    return Answer(line, another_try=again, pause_s=_wish(headers.get("Retry-After")) if again else None)


def _wish(header: str | None) -> float | None:
    """The pause that `Retry-After` asks for: seconds, or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    try:
        wish_s = float(header)
    except ValueError:
        try:
            wish_s = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(wish_s, 0.0), LONGEST_WISH_S) if math.isfinite(wish_s) else None


def _silent(error: Exception, timeout_s: float) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer in {timeout_s:g} s"
    if isinstance(cause, socket.gaierror):
        return f"its host is not known: {cause.strerror}"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return " ".join(str(cause).split()) or type(cause).__name__
