"""Dashcam videos in, a table of vehicle sightings out."""

__version__ = "0.1.0"
