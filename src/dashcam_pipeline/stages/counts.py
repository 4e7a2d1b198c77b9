"""The names under which stages count what the models were asked, in `Outcome.tallies`."""

from __future__ import annotations

INFERENCES_VEHICLE = "inferences_vehicle"
INFERENCES_PLATE = "inferences_plate"
INFERENCES_PLATE_IN_FULL = "inferences_plate_in_full"
"""Searches at the model's own size, where the first one is shrunk."""
INFERENCES_TEXT = "inferences_text"
