"""What is read again and what is not: the decision over what earlier runs have left."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashcam_pipeline.batch import fingerprints
from dashcam_pipeline.batch.fingerprints import Fingerprints
from dashcam_pipeline.batch.inputs import Inputs, path_id, skipped_row
from dashcam_pipeline.batch.resume import (
    Before,
    Plan,
    Question,
    Wish,
    make_plan,
    plan_retry,
    to_retry,
    unfinished_run,
)
from dashcam_pipeline.config import Settings
from dashcam_pipeline.stages.records import VideoJob
from dashcam_pipeline.storage.resuming import CHANGED, Reading
from dashcam_pipeline.storage.rows import VideoStatus

NOW = Fingerprints("c1", "m1")
BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
OLD = Reading(
    run_id="old",
    video_id="a",
    path="/v/a.mp4",
    status=VideoStatus.DONE,
    reason=None,
    dead_letters=0,
    begun=True,
    started_at=BEGAN,
    work_dir="/work",
    host="here",
    config_fingerprint="c1",
    model_fingerprint="m1",
)


def reading(video_id: str, status: VideoStatus, **changed: Any) -> Reading:
    return replace(OLD, video_id=video_id, path=f"/v/{video_id}.mp4", status=status, **changed)


def job(video_id: str, path: str | None = None) -> VideoJob:
    return VideoJob(video_id, Path(path or f"/v/{video_id}.mp4"), 100)


def inputs(*names: str) -> Inputs:
    return Inputs(tuple(job(name) for name in names), ())


def decide(given: Inputs, *readings: Reading, **wish: bool) -> Plan | Question:
    """What is planned when these rows, the latest last, are all there is in the database."""
    ids = {video.video_id for video in given.jobs}
    before = Before(
        readings=tuple(r for r in readings if r.video_id in ids and r.status is not VideoStatus.SKIPPED),
        work_dir="/work",
        host="here",
    )
    run_id = unfinished_run(given.jobs, before)
    of_run = [row for row in readings if row.run_id == run_id]
    return make_plan(given, before, of_run, NOW, Wish(**wish), "new")


def plan(given: Inputs, *readings: Reading, **wish: bool) -> Plan:
    decided = decide(given, *readings, **wish)
    assert isinstance(decided, Plan)
    return decided


def read(decided: Plan) -> list[str]:
    return [video.video_id for video in decided.read]


FAILED = reading("a", VideoStatus.FAILED)
STOPPED = reading("a", VideoStatus.STOPPED)


@pytest.mark.parametrize(
    ("row", "wish", "is_read", "run_id"),
    [
        (None, {}, True, "new"),
        (OLD, {}, False, "new"),
        (reading("a", VideoStatus.PARTIAL), {}, False, "new"),
        (FAILED, {}, False, "new"),
        (FAILED, {"retry_failed": True}, True, "new"),
        (reading("a", VideoStatus.PARTIAL, dead_letters=1), {"retry_failed": True}, True, "new"),
        (OLD, {"retry_failed": True}, False, "new"),
        (OLD, {"restart": True}, True, "new"),
        (STOPPED, {}, True, "old"),
        (reading("a", VideoStatus.RUNNING), {}, True, "old"),
        (reading("a", VideoStatus.QUEUED, begun=False), {}, True, "old"),
        (STOPPED, {"restart": True}, True, "new"),
        (replace(STOPPED, work_dir="/elsewhere"), {}, True, "new"),
        (replace(STOPPED, host="there"), {}, True, "new"),
    ],
    ids=str,
)
def test_a_video_is_read_where_it_was_not_read_to_its_end(
    row: Reading | None, wish: dict[str, bool], is_read: bool, run_id: str
) -> None:
    decided = plan(inputs("a"), *([row] if row else []), **wish)
    assert (read(decided) == ["a"], decided.run_id) == (is_read, run_id)
    assert decided.continues == (run_id == "old")
    assert [kept.reading for kept in decided.kept] == ([] if is_read else [row])


def test_the_latest_reading_counts() -> None:
    again = reading("a", VideoStatus.STOPPED, run_id="newer", started_at=BEGAN + timedelta(hours=1))
    assert plan(inputs("a"), OLD, again).run_id == "newer"
    assert read(plan(inputs("a"), again, replace(OLD, run_id="newest"))) == []


def test_a_run_elsewhere_that_has_not_begun_a_video_changes_nothing() -> None:
    waiting = reading("a", VideoStatus.QUEUED, run_id="other", work_dir="/elsewhere", begun=False)
    assert read(plan(inputs("a"), OLD, waiting)) == []
    begun = replace(waiting, status=VideoStatus.STOPPED, begun=True)  # it may have replaced sightings
    assert read(plan(inputs("a"), OLD, begun)) == ["a"]


def test_files_added_since_join_the_run_and_missing_ones_stay_unfinished() -> None:
    rows = [
        reading("a", VideoStatus.DONE),
        reading("b", VideoStatus.STOPPED),
        reading("c", VideoStatus.STOPPED),
    ]
    decided = plan(inputs("a", "b", "d"), *rows)
    assert (decided.run_id, read(decided)) == ("old", ["b", "d"])
    assert [kept.video.video_id for kept in decided.kept] == ["a"]
    assert [row.video_id for row in decided.left_out] == ["c"]
    assert decided.afresh == frozenset()


def test_other_inputs_begin_a_run_of_their_own() -> None:
    assert plan(inputs("x"), STOPPED).run_id == "new"


def test_of_several_unfinished_runs_the_latest_is_continued_and_the_rest_read_from_the_start() -> None:
    later = {"run_id": "later", "started_at": BEGAN + timedelta(hours=1)}
    decided = plan(inputs("a", "b"), STOPPED, reading("b", VideoStatus.STOPPED, **later))
    assert (decided.run_id, read(decided), decided.afresh) == ("later", ["a", "b"], {"a"})


def test_renamed_file_is_the_same_video_and_its_row_follows() -> None:
    renamed = Inputs((job("a", "/v/new.mp4"), job("b", "/w/b.mp4")), ())
    decided = plan(renamed, OLD, reading("b", VideoStatus.STOPPED))
    assert read(decided) == ["b"]
    assert [(m.old_path, m.new_path) for m in decided.moved] == [
        ("/v/a.mp4", "/v/new.mp4"),
        ("/v/b.mp4", "/w/b.mp4"),
    ]
    assert decided.changed == decided.left_out == ()


def test_files_that_swapped_their_names_are_told_apart() -> None:
    swapped = Inputs((job("b", "/v/a.mp4"), job("a", "/v/b.mp4")), ())
    decided = plan(swapped, reading("a", VideoStatus.STOPPED), reading("b", VideoStatus.STOPPED))
    assert len(decided.moved) == 2
    assert decided.changed == decided.replaced == ()


@pytest.mark.parametrize(
    ("row", "changed", "replaced"),
    [
        (STOPPED, 1, 0),
        (FAILED, 0, 1),
        (OLD, 0, 0),
        (replace(STOPPED, video_id=path_id(Path("/v/a.mp4"))), 0, 1),  # it could not be read then
        (reading("a", VideoStatus.SKIPPED), 0, 1),
    ],
    ids=str,
)
def test_changed_file_is_another_video(row: Reading, changed: int, replaced: int) -> None:
    given = Inputs((job("a2", "/v/a.mp4"), job("b")), ())
    decided = plan(given, row, reading("b", VideoStatus.STOPPED))
    assert read(decided) == ["a2", "b"]
    assert (len(decided.changed), len(decided.replaced), len(decided.left_out)) == (changed, replaced, 0)


def test_file_that_became_a_copy_counts_as_changed() -> None:
    copy = Inputs((job("b"),), (skipped_row(Path("/v/a.mp4"), "the same content as /v/b.mp4", "b"),))
    decided = plan(copy, STOPPED, reading("b", VideoStatus.STOPPED))
    assert [row.video_id for row in decided.changed] == ["a"]


def test_video_that_changed_long_ago_is_not_mentioned_again() -> None:
    gone = replace(reading("x", VideoStatus.STOPPED), reason=CHANGED)
    assert plan(inputs("a"), STOPPED, gone).left_out == ()


@pytest.mark.parametrize("row", [OLD, STOPPED, FAILED], ids=str)
@pytest.mark.parametrize("other", [{"config_fingerprint": "c0"}, {"model_fingerprint": "m0"}])
def test_other_settings_or_models_are_asked_about(row: Reading, other: dict[str, str]) -> None:
    found = decide(inputs("a", "b"), replace(row, **other))
    assert isinstance(found, Question)
    assert (found.run_id, found.videos) == ("old", 1)
    assert (found.other_config, found.other_models) == (
        "config_fingerprint" in other,
        "model_fingerprint" in other,
    )


def test_resume_keeps_what_is_there_and_restart_does_not() -> None:
    rows = [
        replace(reading("a", VideoStatus.DONE), config_fingerprint="c0"),
        replace(reading("b", VideoStatus.STOPPED), config_fingerprint="c0"),
    ]
    kept = plan(inputs("a", "b"), *rows, resume=True)
    assert (kept.run_id, read(kept)) == ("old", ["b"])
    anew = plan(inputs("a", "b"), *rows, restart=True)
    assert (anew.run_id, read(anew), anew.kept) == ("new", ["a", "b"], ())


def test_retry_reads_from_the_start_under_the_same_run() -> None:
    rows = [FAILED, reading("b", VideoStatus.DONE), reading("c", VideoStatus.STOPPED)]
    decided = plan_retry("old", rows, [job("a")])
    assert (decided.run_id, decided.continues, read(decided), decided.afresh) == ("old", True, ["a"], {"a"})
    assert decided.moved == decided.changed == decided.replaced == ()


def test_retry_that_was_cut_short_goes_on() -> None:
    rows = [
        FAILED,
        reading("b", VideoStatus.STOPPED),
        reading("c", VideoStatus.STOPPED, dead_letters=1),
        reading("d", VideoStatus.DONE),
        reading("e", VideoStatus.STOPPED, reason=CHANGED),
        reading("f", VideoStatus.SKIPPED),
    ]
    assert [row.video_id for row in to_retry(rows)] == ["a", "b", "c"]
    decided = plan_retry("old", rows, [job("a"), job("b"), job("c")])
    assert decided.afresh == {"a", "c"}


def test_differing_settings_are_named_with_both_values() -> None:
    old = fingerprints.recorded(Settings.model_validate({"sampling": {"stride": 6}, "run": {"readers": 1}}))
    new = Settings.model_validate({"vote": {"min_reads": 3}, "frame_store": {"format": "jpeg"}})
    assert fingerprints.differences(old, new) == [
        "frame_store.format: lossless → jpeg",
        "sampling.stride: 6 → null",
        "vote.min_reads: 2 → 3",
    ]


@pytest.mark.parametrize(
    ("section", "key", "value", "counts"),
    [
        ("frame_store", "format", "jpeg", True),
        ("frame_store", "format", "png", False),
        ("run", "checkpoint_s", 9.0, False),
        ("looks", "kept_views", 3, True),
    ],
)
def test_only_settings_that_can_change_a_row_count(
    section: str, key: str, value: object, counts: bool
) -> None:
    changed = Settings.model_validate({section: {key: value}})
    assert (fingerprints.of_config(changed) != fingerprints.of_config(Settings())) == counts


def test_the_password_of_the_database_is_not_recorded() -> None:
    secret = Settings.model_validate({"storage": {"dsn": "postgresql://me:secret@host/db"}})
    assert "secret" not in str(fingerprints.recorded(secret))
