"""Exports stay valid whatever a video is called and whatever was measured."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow.parquet
from fastkml.validator import validate
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from dashcam_pipeline.storage.exporting.coco import write_coco
from dashcam_pipeline.storage.exporting.columns import NAMES
from dashcam_pipeline.storage.exporting.extract import Extract, Fix, VideoBoxes, VideoTrack
from dashcam_pipeline.storage.exporting.geojson import write_geojson
from dashcam_pipeline.storage.exporting.gpx import write_gpx
from dashcam_pipeline.storage.exporting.kml import write_kml
from dashcam_pipeline.storage.exporting.parquet import write_parquet
from dashcam_pipeline.storage.exporting.places import place_of
from dashcam_pipeline.storage.exporting.tables import FORMULA_STARTS, write_csv, write_json, write_jsonl
from dashcam_pipeline.storage.results.reading import Sighting
from dashcam_pipeline.storage.text import storable
from export_rows import BOXED, CLAIM, VIDEO, as_text
from test_export_round_trips import gpx_schema

SCHEMA = gpx_schema()
ANY_TEXT = st.text(st.characters(), max_size=8) | st.text(
    "\"'<>&=,;\r\n\t\x00\x0b\x85\u2028\udcff]é駐😀", max_size=8
)
MAYBE_TEXT = st.none() | ANY_TEXT
ANY_NUMBER = st.none() | st.floats()
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.none() | st.datetimes(datetime(1980, 1, 6), datetime(2200, 1, 1), timezones=OFFSETS)
SIGHTINGS: st.SearchStrategy[Sighting] = st.builds(
    lambda changed: replace(CLAIM, **changed),
    st.fixed_dictionaries(
        {
            **dict.fromkeys(("plate", "best_guess", "best_read", "region", "reason", "evidence"), MAYBE_TEXT),
            **dict.fromkeys(("video", "video_path", "frame_video", "position_source"), MAYBE_TEXT),
            "vehicle_class": ANY_TEXT,
            **dict.fromkeys(("confidence", "speed_kmh", "heading_deg"), ANY_NUMBER),
            "latitude": st.none() | st.floats() | st.floats(-90, 90),
            "longitude": st.none() | st.floats() | st.sampled_from([180.0, -180.0, 179.99999999, 1e-7]),
            "ts": MOMENTS,
        }
    ),
)
LISTS = st.lists(SIGHTINGS, max_size=3)


def no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def strict_json(text: str) -> Any:
    text.encode("utf-8")  # no lone surrogates
    return json.loads(text, parse_constant=no_constant)


def as_stored(text: str | None) -> str | None:
    return None if text is None else storable(text)


@given(LISTS)
def test_csv_has_every_row_and_no_formula(sightings: list[Sighting]) -> None:
    text = as_text(write_csv, *sightings)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(sightings)
    for row, one in zip(rows, sightings, strict=True):
        assert set(row) == set(NAMES)
        value = row["best_guess"]
        assert not value.startswith(FORMULA_STARTS)
        expected = as_stored(one.best_guess) or ""
        assert value == (f"'{expected}" if expected.startswith(FORMULA_STARTS) else expected)


@given(LISTS)
def test_every_json_row_is_a_line_of_strict_json(sightings: list[Sighting]) -> None:
    lines = as_text(write_jsonl, *sightings).split("\n")
    assert lines.pop() == ""
    rows = [strict_json(line) for line in lines]
    assert rows == strict_json(as_text(write_json, *sightings))
    assert [row["plate"] for row in rows] == [as_stored(one.plate) for one in sightings]
    assert all(tuple(row) == NAMES for row in rows)


@settings(max_examples=30, deadline=None)
@given(LISTS)
def test_parquet_has_every_row(sightings: list[Sighting]) -> None:
    file = io.BytesIO()
    write_parquet(Extract(sightings=sightings), file)
    rows = pyarrow.parquet.read_table(io.BytesIO(file.getvalue())).to_pylist()
    assert [row["plate"] for row in rows] == [as_stored(one.plate) for one in sightings]
    assert [row["ts"] for row in rows] == [one.ts and one.ts.astimezone(UTC) for one in sightings]


@given(LISTS)
def test_maps_are_valid_and_have_every_place(sightings: list[Sighting]) -> None:
    places = [place for one in sightings if (place := place_of(one)) is not None]

    features = strict_json(as_text(write_geojson, *sightings))["features"]
    assert [one["geometry"]["coordinates"] for one in features] == [
        [place.longitude, place.latitude] for place in places
    ]

    kml = etree.fromstring(as_text(write_kml, *sightings).encode("utf-8"))
    assert validate(element=kml)
    assert len(kml.findall(".//{*}Placemark")) == len(places)

    gpx = etree.fromstring(as_text(write_gpx, *sightings).encode("utf-8"))
    SCHEMA.assertValid(gpx)
    assert [float(one.get("lat")) for one in gpx.findall("{*}wpt")] == [place.latitude for place in places]


@given(
    ANY_TEXT,
    st.lists(
        st.builds(
            Fix,
            st.floats(0, 1e6),
            st.floats(-90, 90),
            st.floats(-180, 180),
            st.none() | st.floats(0, 300),
            st.none() | st.floats(0, 360),
        ),
        min_size=1,
        max_size=5,
    ),
)
def test_tracks_fit_the_schema(name: str, fixes: list[Fix]) -> None:
    track = VideoTrack(replace(VIDEO, filename=name), tuple(fixes))
    file = io.StringIO()
    write_gpx(Extract(tracks=(track,)), file)
    gpx = etree.fromstring(file.getvalue().encode("utf-8"))
    SCHEMA.assertValid(gpx)
    assert len(gpx.findall(".//{*}trkpt")) == len(fixes)


@given(ANY_TEXT, MAYBE_TEXT)
def test_coco_is_strict_json(name: str, plate: str | None) -> None:
    boxes = VideoBoxes(replace(VIDEO, filename=name), (replace(BOXED, plate=plate),))
    file = io.StringIO()
    write_coco(Extract(boxes=(boxes,)), file)
    found = strict_json(file.getvalue())
    assert {one["attributes"]["plate"] for one in found["annotations"]} == {as_stored(plate)}
    assert found["videos"][0]["name"] == storable(name)
