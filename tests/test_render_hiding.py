"""Searching a video for what is to be blurred, with finders that find what the test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from dashcam_pipeline.render.canvas import CanvasMaker
from dashcam_pipeline.render.hidden import Hidden
from dashcam_pipeline.render.hiding import What, search
from dashcam_pipeline.render.reading import FrameReader, Window
from dashcam_pipeline.render.vehicles import Vehicle
from dashcam_pipeline.vision.types import Box, Image
from render_bench import look, sighting
from sources_clips import flat, make_clip

MINE, OTHER = Box(40, 60, 60, 70), Box(240, 60, 260, 70)
MY_CAR, OTHER_CAR = (0.0, 0.0, 100.0, 100.0), (200.0, 0.0, 300.0, 100.0)


class Finds:
    """Finds the same boxes in every picture."""

    def __init__(self, *boxes: Box) -> None:
        self._boxes = boxes
        self.pictures = 0

    def find(self, image: Image) -> list[Box]:
        self.pictures += 1
        return list(self._boxes)


class Fails:
    """A model that breaks."""

    def find(self, image: Image) -> list[Box]:
        raise RuntimeError("broken model")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds at 30/s."""
    return make_clip(tmp_path / "a.mp4", [flat(90, 320, 240)] * 60)


def vehicle(car: tuple[float, float, float, float], plate: Box, track_id: int) -> Vehicle:
    seen = sighting((0.0, car), (0.9, car), (1.8, car), track_id=track_id)
    return Vehicle(replace(seen, looks=(look(0.9, car, tuple(plate)),)))


def hidden(
    clip: Path,
    *finders: Finds,
    what: What,
    vehicles: Sequence[Vehicle] = (),
    chosen: Sequence[Vehicle] = (),
    window: Window | None = None,
) -> Hidden:
    sets = [[one] for one in finders]
    return search(clip, window or Window(), sets, what, vehicles, chosen, lambda _frames, _ts_s: None)


def test_ten_frames_a_second_are_searched_by_all_finders_together(clip: Path) -> None:
    finders = Finds(OTHER), Finds(OTHER)
    found = hidden(clip, *finders, what=What(faces=False, plates=True))
    assert sum(one.pictures for one in finders) == 20
    assert OTHER in found.at(1.23)


def test_plate_that_is_kept_stays_visible_and_the_others_do_not(clip: Path) -> None:
    mine, other = vehicle(MY_CAR, MINE, 1), vehicle(OTHER_CAR, OTHER, 2)
    what = What(faces=False, plates=True, keep=True)
    found = hidden(clip, Finds(MINE.shifted(2, 1), OTHER), what=what, vehicles=(mine, other), chosen=(mine,))
    for ts_s in (0.0, 0.5, 1.0, 1.7):
        boxes = found.at(ts_s)
        assert any(box.overlaps(OTHER) for box in boxes)
        assert not any(box.overlaps(MINE) for box in boxes)


def test_all_plates_are_hidden_where_none_is_kept(clip: Path) -> None:
    mine = vehicle(MY_CAR, MINE, 1)
    found = hidden(clip, Finds(), what=What(faces=False, plates=True), vehicles=(mine,), chosen=(mine,))
    assert any(box.overlaps(MINE) for box in found.at(1.0))  # though no finder saw it: the results know it


def test_plates_stay_where_only_faces_are_hidden(clip: Path) -> None:
    found = hidden(
        clip, Finds(OTHER), what=What(faces=True, plates=False), vehicles=(vehicle(MY_CAR, MINE, 1),)
    )
    assert found.at(1.0) == [OTHER]


def test_only_the_window_and_a_second_around_it_are_searched(tmp_path: Path) -> None:
    long = make_clip(tmp_path / "long.mp4", [flat(90, 320, 240)] * 300)
    finder = Finds(OTHER)
    hidden(long, finder, what=What(faces=False, plates=True), window=Window(4.0, 5.0))
    assert 28 <= finder.pictures <= 31


def test_pictures_searched_are_as_large_as_those_drawn_where_a_video_changes_its_size(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "a.ts", [flat(90, 320, 240)] * 30)
    large = make_clip(
        tmp_path / "b.ts", [flat(90, 640, 480)] * 30, pts=range(30, 60), time_base=Fraction(1, 30)
    )
    both = tmp_path / "both.ts"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    with FrameReader(both, Window(), 1) as reader:
        stored, searched, drawn = set(), set(), set()
        maker = CanvasMaker()
        for picture in reader.pictures():
            image = reader.image(picture.decoded)
            canvas = maker.canvas(picture.decoded, reader.orientation(picture.decoded))
            assert image is not None
            stored.add((picture.decoded.width, picture.decoded.height))
            searched.add((image.shape[1], image.shape[0]))
            drawn.add((canvas.width, canvas.height))
    assert stored == {(320, 240), (640, 480)}
    assert searched == drawn == {(320, 240)}


def test_finder_that_breaks_ends_the_search(clip: Path) -> None:
    with pytest.raises(RuntimeError, match="broken model"):
        search(
            clip, Window(), [[Fails()]], What(faces=True, plates=False), (), (), lambda _frames, _ts_s: None
        )
