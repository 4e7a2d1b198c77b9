"""TRACK: frames in order become vehicles that have passed, with pictures of their best views and nothing else kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from dashcam_pipeline.config import LookSettings, Settings
from dashcam_pipeline.engine.frame_store import FrameStore
from dashcam_pipeline.engine.task import LeaseLost, Outcome, Task
from dashcam_pipeline.stages.records import EndOfVideo, SampledFrame, SearchedFrame
from dashcam_pipeline.vision.types import Box, Detection
from stage_bench import VIDEO, Bench, frame_task, picture, task

SETTINGS = Settings(looks=LookSettings(min_vehicle_px=60, kept_views=3))


def car(order: int, left: int = 20) -> Detection:
    """It comes closer and goes away again: the widest view is in the middle."""
    return Detection(Box(left, 20, left + 100 - 4 * abs(6 - order), 100), "car", 0.9)


class TestTrack:
    def bring_frames(self, bench: Bench, frames: int, lost: tuple[int, ...] = ()) -> None:
        """A car is in every frame, then the video ends."""
        for order in range(frames):
            if order in lost:
                bench.open_video()
                gone = task("VEHICLE_DETECT", str(order), SampledFrame(order, order / 10), order=order)
                bench.push(replace(gone, key=VIDEO))
                bench.lease("VEHICLE_DETECT")
                bench.queue.fail("w", gone.task_id, "broken")
            else:
                found = frame_task("TRACK", order, SearchedFrame(order, order / 10, (car(order),)))
                bench.bring_in({f"{order}.npy": picture(1)}, found)
        bench.push(task("TRACK", "end", EndOfVideo(), key=VIDEO, order=frames))

    def passing(self, bench: Bench, frames: int, batch: int, lost: tuple[int, ...] = ()) -> list[Task]:
        """All that TRACK pushes for a car that is in every frame."""
        self.bring_frames(bench, frames, lost)
        track, pushed = bench.build("TRACK"), []
        while outcome := bench.work("TRACK", track, batch):
            pushed += outcome.push
        assert bench.queue.backlog("TRACK") == 0
        return pushed

    @pytest.mark.parametrize("batch", [1, 3, 16])
    def test_the_result_is_the_same_however_the_frames_are_cut_into_batches(
        self, tmp_path: Path, batch: int
    ) -> None:
        together, apart = (Bench(_folder(tmp_path, name), SETTINGS) for name in ("together", "apart"))
        expected = self.passing(together, 12, 99)
        assert self.passing(apart, 12, batch) == expected
        assert apart.queue.tallies(VIDEO) == {"frames_done": 12}
        names = together.store.leftovers()
        assert names == apart.store.leftovers()
        for name in names:
            assert together.store.read_bytes(name) == apart.store.read_bytes(name)

    def test_a_vehicle_passes_with_the_pictures_of_its_best_views(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, SETTINGS)
        (pushed,) = self.passing(bench, 12, 5)
        record = pushed.load()
        passing = record.passing
        assert (passing.vehicle_class, passing.last_frame) == ("car", 11)
        assert [look.frame_idx for look in passing.looks] == [6, 5, 7]
        for look, shown in zip(passing.looks, record.pictures, strict=True):
            frame, pixels = picture(1), bench.store.get(shown.frame_id)
            cut = frame[shown.top : shown.top + pixels.shape[0], shown.left : shown.left + pixels.shape[1]]
            quality = [cv2.IMWRITE_JPEG_QUALITY, SETTINGS.looks.picture_quality]
            encoded = cv2.imencode(".jpg", cut, quality)[1]
            assert bench.store.read_bytes(shown.frame_id) == encoded.tobytes()
            assert shown.left <= look.box.x1 and shown.left + pixels.shape[1] >= look.box.x2

    def test_nothing_but_the_pictures_of_the_best_views_is_kept(self, tmp_path: Path) -> None:
        """And the task of the vehicle that has passed holds them."""
        bench = Bench(tmp_path, SETTINGS)
        self.bring_frames(bench, 12)
        track, pushed = bench.build("TRACK"), []
        for left in range(12, -1, -1):
            outcome = bench.work("TRACK", track, 1)
            assert outcome is not None
            pushed += outcome.push
            frames = [name for name in bench.store.leftovers() if name.endswith(".npy")]
            pictures = [name for name in bench.store.leftovers() if name.endswith(".jpg")]
            assert len(frames) == max(0, left - 1)
            assert len(pictures) <= 6  # three views, and the frames that they are cut out of
            if outcome.state is not None:
                assert sorted(outcome.state.frames) == pictures
        (passed,) = pushed
        assert passed.key == f"{VIDEO}/1"
        assert sorted(passed.dependencies) == bench.store.leftovers()
        assert len(passed.dependencies) == 6
        bench.drain("PLATE_SMOOTH")
        assert bench.store.leftovers() == []

    @pytest.mark.parametrize("lost", [(0,), (6,), (3, 4), (11,)])
    def test_a_frame_whose_search_was_given_up_is_passed_over(
        self, tmp_path: Path, lost: tuple[int, ...]
    ) -> None:
        bench = Bench(tmp_path, SETTINGS, max_attempts=1)
        (pushed,) = self.passing(bench, 12, 4, lost)
        assert {look.frame_idx for look in pushed.load().passing.looks}.isdisjoint(lost)
        assert bench.queue.tallies(VIDEO)["frames_done"] == 12

    @pytest.mark.parametrize("written", [0, 1, 2])
    def test_a_try_that_fails_leaves_nothing_behind(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
    ) -> None:
        """Neither when it fails while pictures are stored, nor when its worker is thought dead by the end of it."""
        bench = Bench(tmp_path, SETTINGS)
        self.bring_frames(bench, 12)
        before = bench.store.leftovers()
        batch, track = bench.lease("TRACK"), bench.build("TRACK")
        assert batch is not None
        with monkeypatch.context() as patch:
            patch.setattr(FrameStore, "put", refusing_after(written))
            with pytest.raises(ValueError, match="no more"):
                track.process(batch)
        assert bench.store.leftovers() == before
        outcome = track.process(batch)
        bench.queue.give_back("w", batch.task_ids)
        again = bench.lease("TRACK", owner="other")
        assert again is not None
        with pytest.raises(LeaseLost):
            bench.queue.complete("w", batch.task_ids, outcome)
        assert bench.store.leftovers() == before
        bench.tools = replace(bench.tools, worker_id="other")
        bench.queue.complete("other", again.task_ids, bench.build("TRACK").process(again))
        assert len(bench.store.leftovers()) == 6
        bench.drain("PLATE_SMOOTH")
        assert bench.store.leftovers() == []

    @pytest.mark.parametrize(
        "box",
        [
            Box(159.7, 20, 160, 100),
            Box(0, 119.8, 100, 120),
            Box(-3, 20, 0.2, 100),
            Box(50, 50, 50, 50),
            Box(-40, -40, -20, -20),
            Box(200, 200, 240, 240),
        ],
    )
    def test_a_box_without_a_pixel_at_the_edge_of_the_frame_does_no_harm(
        self, tmp_path: Path, box: Box
    ) -> None:
        bench = Bench(tmp_path, SETTINGS)
        for order in range(4):
            found = SearchedFrame(order, order / 10, (Detection(box, "car", 0.9),))
            bench.bring_in({f"{order}.npy": picture(1)}, frame_task("TRACK", order, found))
        bench.push(task("TRACK", "end", EndOfVideo(), key=VIDEO, order=4))
        outcome = bench.work("TRACK", bench.build("TRACK"))
        assert outcome is not None
        for one in outcome.push:
            for shown in one.load().pictures:
                assert bench.store.get(shown.frame_id).size > 0

    def test_a_video_whose_end_is_given_up_leaves_no_picture_behind(self, tmp_path: Path) -> None:
        bench = Bench(tmp_path, SETTINGS, max_attempts=1)
        self.bring_frames(bench, 12)
        track = bench.build("TRACK")
        bench.work("TRACK", track, 12)
        assert len(bench.store.leftovers()) == 6
        batch = bench.lease("TRACK")
        assert batch is not None
        bench.queue.fail("w", batch.task_ids[0], "broken")
        bench.drain("DEAD_LETTER")
        bench.queue.complete("reader", ("reading",), Outcome())
        assert bench.store.leftovers() == []


def refusing_after(times: int) -> Any:
    """A `FrameStore.put` that works so many times, and then leaves a piece of a file and fails."""
    real, left = FrameStore.put, [times]

    def put(self: FrameStore, frame_id: str, *more: Any) -> int:
        if left[0] == 0:
            raise ValueError("no more")
        left[0] -= 1
        return real(self, frame_id, *more)

    return put


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name
