"""Every export, read back with the library that its users have."""

from __future__ import annotations

import json
import math
from datetime import datetime
from importlib.metadata import files
from pathlib import Path

import fastkml
import geopandas
import gpxpy
import pandas as pd
import pyarrow.parquet
import pytest
from fastkml.validator import validate
from lxml import etree
from pycocotools.coco import COCO

from dashcam_pipeline.storage.exporting import parquet
from dashcam_pipeline.storage.exporting.columns import COLUMNS, NAMES
from dashcam_pipeline.storage.exporting.formats import Format
from export_rows import ALL, BOXED, CLAIM, EMPTY, EXTRACT, GUESS, ODD, VIDEO, written

WITH_PLACE = [CLAIM, GUESS, ODD]
ODD_PATH = "/videos/\\udcff.mp4"  # as it comes out: bytes that are no UTF-8 are shown, a NUL is dropped


def gpx_schema() -> etree.XMLSchema:
    """The official one."""
    (path,) = [file for file in files("gpx") or () if file.name == "gpx.xsd"]
    return etree.XMLSchema(etree.parse(str(path.locate())))


# --- tables ----------------------------------------------------------------------------------------


def test_csv_in_pandas(tmp_path: Path) -> None:
    table = pd.read_csv(written(EXTRACT, Format.CSV, tmp_path))
    assert tuple(table.columns) == NAMES
    assert list(table["id"]) == [one.id for one in ALL]
    assert list(table["confidence"][:3]) == [0.9123, 0.4, 0.4]
    assert table["plate"].isna().tolist() == [False, True, True, True]
    assert table["video"][2] == ODD.video
    assert table["best_guess"][2] == f"'{ODD.best_guess}"  # no formula
    assert table["video_path"][2] == ODD_PATH
    assert list(pd.to_datetime(table["ts"][:3], utc=True)) == [one.ts for one in WITH_PLACE]
    assert table["latitude"][1] == -33.8688197


@pytest.mark.parametrize("format", [Format.JSONL, Format.JSON])
def test_json_in_pandas(tmp_path: Path, format: Format) -> None:
    path = written(EXTRACT, format, tmp_path)
    table = pd.read_json(path, lines=format is Format.JSONL)
    assert tuple(table.columns) == NAMES
    assert list(table["id"]) == [one.id for one in ALL]
    assert table["video"][2] == ODD.video
    assert table["best_guess"][2] == ODD.best_guess
    assert table["video_path"][2] == ODD_PATH
    assert math.isnan(table["speed_kmh"][2])
    assert list(pd.to_datetime(table["ts"][:3], utc=True)) == [one.ts for one in WITH_PLACE]


def test_json_lines_is_a_line_a_row(tmp_path: Path) -> None:
    lines = written(EXTRACT, Format.JSONL, tmp_path).read_text(encoding="utf-8").splitlines(keepends=True)
    assert [json.loads(line)["id"] for line in lines] == [one.id for one in ALL]
    assert all(line.endswith("}\n") for line in lines)


def test_parquet_is_typed(tmp_path: Path) -> None:
    schema = pyarrow.parquet.read_schema(written(EXTRACT, Format.PARQUET, tmp_path))
    assert tuple(schema.names) == NAMES
    types = {str: "string", int: "int64", float: "double", datetime: "timestamp[us, tz=UTC]"}
    assert [str(field.type) for field in schema] == [types[column.kind] for column in COLUMNS]
    assert [field.nullable for field in schema] == [column.optional for column in COLUMNS]


def test_parquet_in_pandas(tmp_path: Path) -> None:
    table = pd.read_parquet(written(EXTRACT, Format.PARQUET, tmp_path))
    assert str(table["ts"].dtype) == "datetime64[us, UTC]"
    assert str(table["first_frame"].dtype) == "int64"
    assert list(table["ts"][:3]) == [one.ts for one in WITH_PLACE]
    assert table["ts"].isna().tolist() == [False, False, False, True]
    assert table["best_guess"][2] == ODD.best_guess
    assert table["video_path"][2] == ODD_PATH


def test_parquet_is_written_in_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_A_GROUP", 3)
    file = pyarrow.parquet.ParquetFile(written(EXTRACT, Format.PARQUET, tmp_path))
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [3, 1]


# --- maps ------------------------------------------------------------------------------------------


def test_geojson_in_geopandas(tmp_path: Path) -> None:
    table = geopandas.read_file(written(EXTRACT, Format.GEOJSON, tmp_path))
    assert table.crs == "EPSG:4326"
    assert set(table.columns) == {*NAMES, "geometry"}
    assert list(table["id"]) == [one.id for one in WITH_PLACE]
    assert [(point.x, point.y) for point in table.geometry] == [
        (-0.1277583, 51.5073509),
        (151.2092955, -33.8688197),
        (151.2092955, -33.8688197),
    ]
    assert table["best_guess"][2] == ODD.best_guess
    assert list(pd.to_datetime(table["ts"], utc=True)) == [one.ts for one in WITH_PLACE]


def test_geojson_is_as_rfc_7946_wants_it(tmp_path: Path) -> None:
    found = json.loads(written(EXTRACT, Format.GEOJSON, tmp_path).read_text(encoding="utf-8"))
    assert set(found) == {"type", "features"}  # no crs: the RFC took it out
    assert found["type"] == "FeatureCollection"
    for feature in found["features"]:
        assert set(feature) == {"type", "geometry", "properties"}
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"] == "Point"
        longitude, latitude = feature["geometry"]["coordinates"]
        assert -180 <= longitude <= 180 and -90 <= latitude <= 90


def test_kml_fits_its_schema_and_opens_in_fastkml(tmp_path: Path) -> None:
    path = written(EXTRACT, Format.KML, tmp_path)
    assert validate(file_to_validate=path)
    (document,) = fastkml.KML.parse(path).features
    (folder,) = document.features
    placemarks = list(folder.features)
    assert [one.name for one in placemarks] == ["LS15EBC", "LS15E8C?", "=A\\r\n\\x01\\x1b]]>?"]
    first = placemarks[0]
    assert (first.geometry.x, first.geometry.y) == (-0.1277583, 51.5073509)
    assert first.time_stamp.dt == CLAIM.ts
    assert placemarks[1].time_stamp.dt == GUESS.ts
    data = {item.name: item.value for item in first.extended_data.elements}
    assert set(data) == set(NAMES) - {"best_guess", "reason", "plate_evidence", "strip_evidence"}
    assert (data["plate"], data["heading_deg"]) == ("LS15EBC", "270.5")
    assert {item.name: item.value for item in placemarks[2].extended_data.elements}["video"] == ODD.video


def test_kml_in_geopandas(tmp_path: Path) -> None:
    table = geopandas.read_file(written(EXTRACT, Format.KML, tmp_path))
    assert list(table["Name"][:2]) == ["LS15EBC", "LS15E8C?"]
    assert table.geometry[1].x == 151.2092955


def test_gpx_fits_its_schema_and_opens_in_gpxpy(tmp_path: Path) -> None:
    path = written(EXTRACT, Format.GPX, tmp_path)
    gpx_schema().assertValid(etree.parse(str(path)))
    found = gpxpy.parse(path.read_text(encoding="utf-8"))
    assert [point.name for point in found.waypoints] == ["LS15EBC", "LS15E8C?", "=A\\r\n\\x01\\x1b]]>?"]
    first = found.waypoints[0]
    assert (first.longitude, first.latitude) == (-0.1277583, 51.5073509)
    assert [point.time for point in found.waypoints] == [one.ts for one in WITH_PLACE]
    columns = {etree.QName(item.tag).localname: item.text for item in first.extensions}
    assert (columns["plate"], columns["confidence"], columns["video"]) == ("LS15EBC", "0.9123", "drive.mp4")


def test_gpx_has_the_tracks_of_the_videos_cut_at_gaps(tmp_path: Path) -> None:
    found = gpxpy.parse(written(EXTRACT, Format.GPX, tmp_path).read_text(encoding="utf-8"))
    (track,) = found.tracks
    assert track.name == VIDEO.filename
    assert [len(segment.points) for segment in track.segments] == [2, 1]
    first, last = track.segments[0].points[0], track.segments[1].points[0]
    assert (first.latitude, first.longitude, first.time) == (51.5, -0.1, VIDEO.started_at)
    assert last.longitude == -180.0  # the schema has no +180
    (extension,) = first.extensions
    assert {etree.QName(item.tag).localname: item.text for item in extension} == {
        "speed": "10.00",
        "course": "0.00",
    }
    assert last.extensions[0][1].text == "0.00"  # a full circle is north again


# --- boxes -----------------------------------------------------------------------------------------


def test_coco_in_pycocotools(tmp_path: Path) -> None:
    found = COCO(str(written(EXTRACT, Format.COCO, tmp_path)))
    names = {one["id"]: one["name"] for one in found.loadCats(found.getCatIds())}
    assert list(names.values()) == ["car", "truck", "bus", "motorcycle", "license_plate", "tram"]
    images = found.loadImgs(found.getImgIds())
    assert [image["file_name"] for image in images] == [
        f"drive & co.mp4/{frame:06d}.jpg" for frame in (10, 20, 30, 60)
    ]
    assert {(image["width"], image["height"]) for image in images} == {(1280, 720)}
    (plate,) = found.loadAnns(found.getAnnIds(catIds=[5]))
    assert plate["bbox"] == [150.0, 150.0, 70.5, 20.0]
    assert plate["area"] == 1410.0
    assert found.imgs[plate["image_id"]]["frame_id"] == 30
    assert (plate["score"], plate["attributes"]["plate"], plate["attributes"]["sighting"]) == (
        0.88,
        "LS15EBC",
        BOXED.id,
    )


def test_coco_has_a_vehicle_once_a_frame_and_the_sharper_box_of_a_look(tmp_path: Path) -> None:
    found = COCO(str(written(EXTRACT, Format.COCO, tmp_path)))
    boxes = {
        found.imgs[one["image_id"]]["frame_id"]: one["bbox"]
        for one in found.loadAnns(found.getAnnIds(catIds=[1]))
    }
    assert boxes == {
        10: [10.0, 20.0, 20.0, 20.0],
        20: [90.0, 40.0, 120.0, 90.0],
        30: [100.0, 50.5, 200.25, 149.5],
        60: [400.0, 20.0, 300.0, 320.0],
    }
    assert len(found.getAnnIds(catIds=[1])) == len(boxes)
    assert {one["track_id"] for one in found.dataset["annotations"]} == {1, 2}


# --- nothing to write ------------------------------------------------------------------------------


def test_empty_exports_are_valid(tmp_path: Path) -> None:
    path = {format: written(EMPTY, format, tmp_path) for format in Format}
    assert tuple(pd.read_csv(path[Format.CSV]).columns) == NAMES
    assert pd.read_json(path[Format.JSONL], lines=True).empty
    assert pd.read_json(path[Format.JSON]).empty
    assert tuple(pd.read_parquet(path[Format.PARQUET]).columns) == NAMES
    assert geopandas.read_file(path[Format.GEOJSON]).empty
    assert validate(file_to_validate=path[Format.KML])
    assert geopandas.read_file(path[Format.KML]).empty
    gpx_schema().assertValid(etree.parse(str(path[Format.GPX])))
    assert gpxpy.parse(path[Format.GPX].read_text()).waypoints == []
    assert COCO(str(path[Format.COCO])).getImgIds() == []
