"""Sightings as KML 2.2 (OGC 07-147r2), for Google Earth and its like."""

from __future__ import annotations

from typing import IO

from dashcam_pipeline.storage.exporting.columns import plain_values_of, utc_text
from dashcam_pipeline.storage.exporting.extract import Exported, Extract
from dashcam_pipeline.storage.exporting.places import Place, degrees, description_of, label_of, place_of
from dashcam_pipeline.storage.exporting.xml_file import XmlFile
from dashcam_pipeline.storage.results.reading import Sighting

NAMESPACE = "http://www.opengis.net/kml/2.2"


def write_kml(extract: Extract, file: IO[str]) -> Exported:
    """A placemark a sighting: the plate as its name, when it was, all known columns as its data.

    They stand in a folder: GDAL takes a document without placemarks or folders for none.
    """
    found = written = 0
    xml = XmlFile(file)
    with (
        xml.element("kml", {"xmlns": NAMESPACE}),
        xml.element("Document"),
        xml.element("Folder"),
    ):
        xml.text("name", "sightings")
        for sighting in extract.sightings:
            found += 1
            place = place_of(sighting)
            if place is not None:
                written += 1
                _write_placemark(xml, sighting, place)
    xml.end()
    return Exported(found, written)


def _write_placemark(xml: XmlFile, sighting: Sighting, place: Place) -> None:
    """The elements stand in the order of the schema."""
    with xml.element("Placemark"):
        xml.text("name", label_of(sighting))
        xml.text("description", description_of(sighting))
        if sighting.ts is not None:
            with xml.element("TimeStamp"):
                xml.text("when", utc_text(sighting.ts))
        with xml.element("ExtendedData"):
            for name, value in plain_values_of(sighting).items():
                if value is not None:
                    with xml.element("Data", {"name": name}):
                        xml.text("value", str(value))
        with xml.element("Point"):
            xml.text("coordinates", f"{degrees(place.longitude)},{degrees(place.latitude)}")
