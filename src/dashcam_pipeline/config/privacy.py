"""Settings of privacy: what is kept of plates as text, and what of others in the pictures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dashcam_pipeline.config.base import Section


class PrivacySettings(Section):
    """What is stored of plates and of others; see docs/privacy.md."""

    hash_plates: bool = False
    """Plates are stored and shown as a keyed hash instead of their text, and no picture shows one. The key is
    DASHCAM_PLATE_KEY, else the file `plate.key` of the work dir, made at first use."""
    plate_key_id: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{4}$",
        json_schema_extra={"allowed": "the 4 hexadecimal digits at the end of a hash, or null"},
    )
    """With another key than the one with this id, nothing is done; null = with whatever key there is."""
    blur_evidence: Literal["none", "others"] = "none"
    """others: the evidence pictures show no more than the sighting's own vehicle; all around it, and other vehicles
    before it, can't be recognised."""
