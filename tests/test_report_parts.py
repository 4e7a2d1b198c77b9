"""The numbers behind the drawings of a report: histograms, timelines, tracks, words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dashcam_pipeline.report.cards import Card, Standing
from dashcam_pipeline.report.charts import Measured, confidence_histogram, width_histogram
from dashcam_pipeline.report.pictures import CardPictures
from dashcam_pipeline.report.templating import with_code
from dashcam_pipeline.report.timeline import MOST_LANES, timeline
from dashcam_pipeline.report.track_map import WIDTH, track_map
from dashcam_pipeline.report.wording import clock, counted, degrees, length, moment
from dashcam_pipeline.storage.rows import FixRow

METRE_LAT = 1 / 111_195  # degrees of latitude


def card(
    key: str, first_s: float, last_s: float, place: tuple[float, float] | None = None, goes_on: bool = False
) -> Card:
    return Card(
        key=key,
        file="index.html",
        page=f"sightings/{key}.html",
        standing=Standing.CLAIM,
        text="AB12CDE",
        confidence=0.9,
        reason=None,
        reason_key=None,
        vehicle_class="car",
        video="a.mp4",
        video_id="a",
        first_s=first_s,
        last_s=last_s,
        goes_on=goes_on,
        last_video="b.mp4" if goes_on else "a.mp4",
        reads=2,
        agreeing_reads=2,
        when=None,
        seen_at=None,
        latitude=place[0] if place else None,
        longitude=place[1] if place else None,
        speed_kmh=None,
        plate_px=80.0,
        pictures=CardPictures({}, None, 0),
        alert=None,
    )


def test_confidences_fall_into_ten_bars_and_1_into_the_last() -> None:
    values = [
        Measured(value, claimed) for value, claimed in ((0.0, False), (0.3, False), (0.95, True), (1.0, True))
    ]
    found = confidence_histogram(values)
    assert [(bar.label, bar.claimed, bar.others) for bar in found.bars if bar.total] == [
        ("0.0 to 0.1", 0, 1),
        ("0.3 to 0.4", 0, 1),
        ("0.9 to 1.0", 2, 0),
    ]
    assert (len(found.bars), len(found.ticks), found.highest, found.total) == (10, 11, 2, 4)


@pytest.mark.parametrize(
    ("widest", "step"), [(9, 5), (59, 5), (60, 10), (250, 25), (5000, 500), (90_000, 7501)]
)
def test_bars_of_widths_are_so_wide_that_a_dozen_holds_all(widest: int, step: int) -> None:
    found = width_histogram([Measured(float(widest), True), Measured(1.0, False)])
    assert found.ticks[:2] == ("0", str(step))
    assert len(found.bars) <= 12
    assert found.bars[-1].claimed == 1
    assert found.total == 2


def test_nothing_measured_is_an_empty_chart() -> None:
    assert width_histogram([]).total == 0
    assert confidence_histogram([]).highest == 0


def test_vehicles_in_sight_at_once_have_lanes_of_their_own() -> None:
    found = timeline([card("a", 0, 4), card("b", 2, 6), card("c", 5, 8)], 10.0)
    assert [(bar.card.key, bar.left, bar.width, bar.lane) for bar in found.bars] == [
        ("a", 0.0, 40.0, 0),
        ("b", 20.0, 40.0, 1),
        ("c", 50.0, 30.0, 0),
    ]
    assert found.lanes == 2


def test_crowd_takes_no_more_than_its_lanes_and_loses_nobody() -> None:
    found = timeline([card(str(n), 1.0, 9.0) for n in range(30)], 10.0)
    assert len(found.bars) == 30
    assert found.lanes == MOST_LANES
    assert max(bar.lane for bar in found.bars) == MOST_LANES - 1


@pytest.mark.parametrize(
    ("cards", "duration_s", "places"),
    [
        ([card("a", 3599.9, 3600.0)], 3600.0, [(99.6, 0.4)]),  # is seen, and inside
        ([card("a", 8, 2, goes_on=True)], 10.0, [(80.0, 20.0)]),
        ([card("a", 0, 5)], None, [(0.0, 100.0)]),
        ([card("a", 8, 14)], 10.0, [(pytest.approx(57.143, abs=0.01), pytest.approx(42.857, abs=0.01))]),
        ([], None, []),
    ],
)
def test_bars_stay_inside_of_the_whole(
    cards: list[Card], duration_s: float | None, places: list[tuple[float, float]]
) -> None:
    assert [(bar.left, bar.width) for bar in timeline(cards, duration_s).bars] == places


def test_ticks_are_round_and_few() -> None:
    began = datetime(2026, 5, 1, 23, 59, 30, tzinfo=timezone(timedelta(hours=2)))
    assert [tick.label for tick in timeline([], 72.7).ticks] == ["0:00", "0:15", "0:30", "0:45", "1:00"]
    assert [tick.wall for tick in timeline([], 72.7, began).ticks][:3] == ["23:59:30", "23:59:45", "00:00:00"]
    assert [tick.label for tick in timeline([], 3 * 3600).ticks][-1] == "3:00:00"


def straight(metres_north: float, fixes: int = 11) -> tuple[FixRow, ...]:
    step = metres_north * METRE_LAT / (fixes - 1)
    return tuple((float(n), 45.0 + n * step, 9.0, None, None) for n in range(fixes))


def test_track_is_to_scale_with_north_up() -> None:
    found = track_map(straight(1000.0), [card("a", 0, 1, (45.0, 9.0))])
    assert found is not None
    assert found.length_km == pytest.approx(1.0, rel=0.001)
    points = [tuple(map(float, point.split(","))) for point in found.lines[0].split()]
    assert points[0][0] == points[-1][0] == WIDTH / 2
    drawn = points[0][1] - points[-1][1]
    assert drawn > 0  # later is farther north, and higher
    assert found.scale_label == "500 m"
    assert found.scale_width == pytest.approx(drawn / 2, rel=0.01)
    assert (found.marks[0].x, found.marks[0].y) == points[0]


def test_east_is_as_long_as_north_on_the_ground() -> None:
    degrees_east = 1000.0 * METRE_LAT / 0.5  # at 60 degrees north
    found = track_map(tuple((float(n), 60.0, 9.0 + n * degrees_east, None, None) for n in range(2)), [])
    assert found is not None
    assert found.length_km == pytest.approx(1.0, rel=0.001)


def test_gap_breaks_the_line() -> None:
    first = straight(100.0)
    later = tuple((fix[0] + 60, *fix[1:]) for fix in straight(100.0))
    found = track_map((*first, *later), [])
    assert found is not None
    assert len(found.lines) == 2
    assert found.length_km == pytest.approx(0.2, rel=0.001)


def test_parked_car_is_a_point_in_a_drawing_of_some_metres() -> None:
    found = track_map(((0.0, 45.0, 9.0, 0.0, None), (1.0, 45.0, 9.0, 0.0, None)), [])
    assert found is not None
    assert found.scale_label == "10 m"


def test_without_a_position_there_is_no_map() -> None:
    assert track_map((), [card("a", 0, 1)]) is None


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3723, "1:02:03")]
)
def test_places_in_a_video(seconds: float, said: str) -> None:
    assert clock(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(4.66, "4.7 s"), (72.8, "1 min 13 s"), (7500, "2 h 5 min")])
def test_lengths(seconds: float, said: str) -> None:
    assert length(seconds) == said


def test_words() -> None:
    assert counted(1, "video") == "1 video"
    assert counted(5000, "vehicle") == "5,000 vehicles"
    assert degrees(-33.5, 151.25) == "33.50000 S, 151.25000 E"
    assert (
        moment(datetime(2026, 5, 1, 14, 3, 5, tzinfo=timezone(timedelta(hours=2))))
        == "2026-05-01 14:03:05 +02:00"
    )
    west = timezone(-timedelta(hours=3, minutes=30))
    assert moment(datetime(2026, 5, 1, 14, 3, 5, tzinfo=west)) == "2026-05-01 14:03:05 -03:30"
    assert moment(datetime(2026, 5, 1, 14, 3, 5, 700, tzinfo=UTC)) == "2026-05-01 14:03:05 +00:00"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("call `dashcam run` <again>", "call <code>dashcam run</code> &lt;again&gt;"),
        ("`a` and `<b>`", "<code>a</code> and <code>&lt;b&gt;</code>"),
        ("a lone ` stays", "a lone ` stays"),
    ],
)
def test_commands_in_advice_are_marked_and_all_else_is_escaped(text: str, html: str) -> None:
    assert str(with_code(text)) == html
