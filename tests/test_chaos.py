"""The job disturbed in every way that `scripts/chaos.py` knows, and whether that harness would notice a loss."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashcam_pipeline.storage.postgres.connection import connect
from dashcam_pipeline.storage.postgres.database import Database
from dashcam_pipeline.storage.watching.alerts import note_delivered
from dashcam_pipeline.storage.writing.outbox import FILE_NAME, Outbox
from dashcam_pipeline.storage.writing.writer import ResultWriter
from run_command import DATA, REPOSITORY, clip
from storage_rows import sighting

SCRIPTS = REPOSITORY / "scripts"
sys.path.insert(0, str(SCRIPTS))

from chaoskit.clips import FEW_PIECES  # noqa: E402
from chaoskit.faults import KINDS, dealt_out, plan_of  # noqa: E402
from chaoskit.injected import StageFaults  # noqa: E402
from chaoskit.leftovers import leftovers, shared_memory  # noqa: E402
from chaoskit.ramdisk import can_mount  # noqa: E402
from chaoskit.surroundings import Webhook, watch  # noqa: E402
from chaoskit.table import Result, differences  # noqa: E402
from engine_toys import task  # noqa: E402

SEEDS = range(1, 5)
UNDISTURBED = Result(
    vehicles={"1": {"final_plate": "LS15EBC", "track_id": 1}, "2": {"final_plate": None, "track_id": 2}},
    videos={"a.mp4": {"status": "done", "frames_decoded": 140}},
    pictures={"evidence/aa/1_plate.jpg": "1f2e", "evidence/aa/1_vehicle.jpg": "3d4c"},
    alerts={"1 LS15EBC": {"plate": "LS15EBC", "standing": 1}},
)


@pytest.fixture
def base() -> Iterator[Path]:
    """A short path: a database's socket lies below it. Not `tmp_path`, see `work_dir`."""
    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_kind_of_fault_ends_with_the_table_of_an_undisturbed_run(base: Path) -> None:
    for piece in FEW_PIECES:
        clip(piece.source)
    mountable = can_mount(base / "probe") is None
    figures = base / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, str(SCRIPTS / "chaos.py"), "--few", "--deal"),
            *("--seeds", f"{SEEDS[0]}-{SEEDS[-1]}", "--base", str(base), "--json", str(figures)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "DASHCAM_TEST_DATA": str(DATA)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seeds = json.loads(figures.read_text())["seeds"]
    hit = {kind for seed in seeds for kind in seed["injected"]}
    assert hit == {name for name, kind in KINDS.items() if mountable or not kind.disk}
    assert sum(seed["rows"] for seed in seeds) > 100


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (replace(UNDISTURBED, vehicles={"1": UNDISTURBED.vehicles["1"]}), "vehicle 2 is missing"),
        (
            replace(UNDISTURBED, vehicles={**UNDISTURBED.vehicles, "3": {"track_id": 3}}),
            "vehicle 3 is too many",
        ),
        (
            replace(UNDISTURBED, videos={"a.mp4": {"status": "done", "frames_decoded": 139}}),
            "video a.mp4: frames_decoded 140 -> 139",
        ),
        (
            replace(UNDISTURBED, pictures={**UNDISTURBED.pictures, "evidence/aa/1_plate.jpg": "0000"}),
            "picture evidence/aa/1_plate.jpg: sha256 '1f2e' -> '0000'",
        ),
        (
            replace(UNDISTURBED, dead_letters={"v:READ:file": {"error": "no"}}),
            "dead letter v:READ:file is too many",
        ),
        (
            replace(UNDISTURBED, alerts={}),
            "alert 1 LS15EBC is missing",
        ),
    ],
)
def test_a_row_that_is_lost_changed_or_too_many_is_told(found: Result, told: str) -> None:
    (line,) = differences(UNDISTURBED, found)
    assert line.startswith(told)
    assert differences(found, found) == []


def test_alert_that_was_never_posted_or_is_not_known_as_delivered_is_told(dsn: str, tmp_path: Path) -> None:
    with Database.open(dsn, tmp_path) as database:
        watch(database)
    webhook = Webhook()
    with ResultWriter(dsn) as writer:
        (alert,) = writer.write([sighting(1, final_plate="LS15EBC")])
    assert webhook.missed(dsn, tmp_path) == [f"alert {alert.id} of LS15EBC: pending, never posted"]
    with connect(dsn) as connection:
        note_delivered(connection, alert.id)
    assert webhook.missed(dsn, tmp_path) == [f"alert {alert.id} of LS15EBC: delivered, never posted"]
    assert [webhook.take({"id": alert.id}) for _ in range(3)] == [204, 204, 503]
    assert webhook.missed(dsn, tmp_path) == []


def test_what_a_job_leaves_behind_is_told(tmp_path: Path) -> None:
    assert leftovers("no such mark", tmp_path, shared_memory()) == []
    for name in (
        "frame_store/run/0.npy",
        "checkpoints/run/v.checkpoint",
        "evidence/aa/.1.jpg.7",
        "current_run.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    outbox = Outbox(tmp_path / FILE_NAME)
    outbox.add([sighting(1)])
    outbox.close()
    told = " ".join(leftovers("no such mark", tmp_path, shared_memory()))
    for what in (
        "frame store: 0.npy",
        "checkpoint: v",
        "half a file: ",
        "current_run.json",
        "outbox: 1 rows waiting",
    ):
        assert what in told


def test_a_process_that_outlives_its_job_is_told(tmp_path: Path) -> None:
    sleeping = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    with subprocess.Popen(sleeping, cwd=tmp_path, stdout=subprocess.PIPE) as left:
        assert left.stdout is not None
        left.stdout.readline()
        (line,) = leftovers("no such mark", tmp_path, shared_memory())
        left.kill()
    assert line.startswith(f"process: {left.pid}")


def test_a_seed_always_gives_the_same_plan_and_all_kinds_come_up() -> None:
    kinds = list(KINDS)
    plans = [plan_of(seed, kinds) for seed in range(len(kinds))]
    assert plans == [plan_of(seed, kinds) for seed in range(len(kinds))]
    assert {kind for plan in plans for kind in plan.kinds} >= set(kinds) - {"kill_postgres", "quit_postgres"}
    dealt = [kind for plan in dealt_out(SEEDS, kinds) for kind in plan.kinds]
    assert sorted(dealt) == sorted(kinds)


def test_a_stage_fails_at_the_same_tasks_less_often_than_they_are_tried(tmp_path: Path) -> None:
    faults = StageFaults(folder=str(tmp_path), seed=3, raise_share=0.5, raise_times=2)
    tasks = [task(f"v:OCR:{number}") for number in range(40)]
    failing = [one for one in tasks if faults.raises(one)]
    assert 5 < len(failing) < 35
    assert failing == [one for one in tasks if faults.raises(one)]
    assert not any(faults.raises(replace(one, attempts=2)) for one in tasks)


def test_a_stage_crashes_once_in_a_job(tmp_path: Path) -> None:
    faults = StageFaults(folder=str(tmp_path), crash_share=1.0)
    assert [faults.crashes(task(name)) for name in ("v:OCR:1", "v:OCR:1", "v:OCR:2")] == [True, False, False]
