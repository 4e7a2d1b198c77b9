"""Settings of alerts: what happens when a plate of the watchlist is seen."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from dashcam_pipeline.config.base import NO_LIMIT, Seconds, Section

ALLOWED = (
    "an address that begins with http:// or https:// and names a host, without spaces, user or password (a token "
    "goes into DASHCAM_WEBHOOK_TOKEN); or null"
)


def _address(text: str) -> str:
    parts = urlsplit(text)  # raises ValueError for brackets that hold no address
    sound = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if not sound or not text.isascii() or any(character.isspace() for character in text):
        raise ValueError(f"no address of a webhook: it must be {ALLOWED}")
    _ = parts.port  # raises ValueError where it is none
    return text


class AlertSettings(Section):
    """What is done when a plate of the watchlist is seen; see watchlist.md."""

    webhook: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None,
        json_schema_extra={"allowed": ALLOWED},
    )
    """Alerts are posted to this address as JSON; null = they are shown and stored. A token in the environment variable
    DASHCAM_WEBHOOK_TOKEN goes with them as `Authorization: Bearer TOKEN`."""
    timeout_s: Annotated[float, Field(gt=0.0, le=600.0)] = 10.0
    """A webhook that stays silent for this long is tried again."""
    attempts: Annotated[int, Field(ge=1, le=1000)] = 8
    """So often an alert is posted before it is kept as undelivered."""
    first_pause_s: Seconds = 2.0
    """After a failed post it is tried again this much later, then after pauses twice as long each time."""
    longest_pause_s: Annotated[float, Field(ge=0.0, le=NO_LIMIT)] = 60.0
    """No pause between two attempts is longer, except where the webhook itself asks for it (Retry-After)."""
    patience_s: Seconds = 10.0
    """At the end of a run, so long is waited for alerts that are still to be posted; the next run does the rest."""

    @property
    def first_state(self) -> str:
        """The state of an alert that is raised now, see the table `alerts`."""
        return "kept" if self.webhook is None else "pending"
