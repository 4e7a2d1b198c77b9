"""What the search box of a report looks through: a small record a sighting, and which characters look alike."""

from __future__ import annotations

from collections.abc import Sequence

from dashcam_pipeline.report.cards import Card
from dashcam_pipeline.vision.plates.plate_format_files import own_lookalikes

Found = dict[str, str | float | None]
"""A sighting as JSON. Short names: there may be many."""


def search_data(cards: Sequence[Card] | None) -> dict[str, object]:
    """As JSON for the script.

    Args:
        cards: those that are not on the page itself; None: all of them are.
    """
    return {
        "lookalikes": list(own_lookalikes()),
        "cards": None if cards is None else [_found(card) for card in cards],
    }


def _found(card: Card) -> Found:
    return {
        "key": card.key,
        "page": card.page,
        "standing": str(card.standing),
        "text": card.text,
        "confidence": card.confidence,
        "class": card.vehicle_class,
        "video": card.video,
        "first": round(card.first_s, 2),
        "span": card.span,
        "when": card.when,
        "place": card.place,
        "alert": card.warning,
        "reason": card.reason,
        "thumbnail": card.pictures.thumbnail,
        "plate": card.pictures.plate,
        "name": card.name,
    }
