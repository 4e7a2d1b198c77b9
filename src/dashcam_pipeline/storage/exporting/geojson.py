"""Sightings as GeoJSON (RFC 7946): points with all columns as properties."""

from __future__ import annotations

import json
from typing import IO

from dashcam_pipeline.storage.exporting.columns import plain_values_of
from dashcam_pipeline.storage.exporting.extract import Exported, Extract
from dashcam_pipeline.storage.exporting.places import place_of


def write_geojson(extract: Extract, file: IO[str]) -> Exported:
    """A FeatureCollection, a feature a line. Coordinates are [longitude, latitude], WGS84, as the RFC wants them."""
    found = written = 0
    file.write('{"type": "FeatureCollection", "features": [')
    for sighting in extract.sightings:
        found += 1
        place = place_of(sighting)
        if place is None:
            continue
        written += 1
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [place.longitude, place.latitude]},
            "properties": plain_values_of(sighting),
        }
        file.write(",\n" if written > 1 else "\n")
        file.write(json.dumps(feature, ensure_ascii=False))
    file.write("\n]}\n")
    return Exported(found, written)
