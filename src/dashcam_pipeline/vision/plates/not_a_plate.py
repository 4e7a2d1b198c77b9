"""Why something that looks like a plate is not the plate of a vehicle: the code words, and what they mean."""

from __future__ import annotations

from enum import StrEnum


class NotAPlate(StrEnum):
    """Why something that looks like a plate is not the plate of this vehicle."""

    OUTSIDE = "outside"  # its middle is not on the vehicle
    TOO_HIGH = "too_high"  # at the vehicle's top
    GEOMETRY = "geometry"  # no plate has this shape, or this size on such a vehicle
    OTHER_VEHICLE = "other_vehicle"  # it lies on another vehicle in front of, behind or beside this one
    MASKED = "masked"  # in a part of the picture that the settings mask
    OVERLAY = "overlay"  # written into the picture by the camera


IN_WORDS: dict[NotAPlate, str] = {
    NotAPlate.OUTSIDE: "it is beside the vehicle",
    NotAPlate.TOO_HIGH: "it is too high up on the vehicle",
    NotAPlate.GEOMETRY: "no plate has this shape or size",
    NotAPlate.OTHER_VEHICLE: "it is on another vehicle",
    NotAPlate.MASKED: "it is masked by detection.masks",
    NotAPlate.OVERLAY: "the camera wrote it into the picture",
}
"""For people: why what looks like a plate is not that of the vehicle."""
