"""The bench's arithmetic, its table and its JSON, over runs that are made up."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench_files import measured, own_run, peer_run, timings_file
from benchkit.commands import run_command
from benchkit.contenders import lasting, run_peer
from benchkit.parts import stages_of
from benchkit.report import as_json, lines_of, notes_of
from benchkit.saving import described, save
from benchkit.table import COLUMNS, Line, figure, main_table
from benchkit.timings import read_timings
from benchkit.trouble import BenchTrouble
from benchkit.videos import DRIVES, VARIABLE, BenchVideo, chosen
from score import Shown, Truth

BUSY_S = 0.3
VIDEO = BenchVideo(Path("drive.mp4"), None)
WITH_TRUTH = BenchVideo(Path("drive.mp4"), Truth((Shown("ABC123", 10, 20),), ()))
ROW = {"plate": "ABC123", "first_frame": 11, "last_frame": 19, "run_id": "1", "evidence": "a", "id": "7"}


def line_of(lines: list[Line], what: str) -> Line:
    return next(line for line in lines if line.what == what)


# --- ratios and the ideal ---------------------------------------------------------------------------


def test_this_is_held_against_the_peer_pair_by_pair_and_by_the_same_clock(tmp_path: Path) -> None:
    own = [own_run(tmp_path, wall_s) for wall_s in (6.0, 12.0, 5.0)]
    peer = [peer_run(wall_s, loop_s) for wall_s, loop_s in ((60.0, 40.0), (60.0, 44.0), (60.0, 48.0))]
    lines = lines_of(measured(tmp_path, VIDEO, own, peer))
    assert line_of(lines, "this, whole command").to_peer == 10.0  # of 10, 5 and 12
    assert line_of(lines, "this, first frame to last row").to_peer == 11.0  # of 10, 11 and 12


def test_ideal_is_decoding_and_the_inferences_that_were_made(tmp_path: Path) -> None:
    one = measured(tmp_path, VIDEO, [own_run(tmp_path)], [])
    ideal_s = 1.0 + 334 * 0.003 + 40 * 0.008
    assert one.ideal.total_s == pytest.approx(ideal_s)
    lines = lines_of(one)
    assert line_of(lines, "bare inference").seconds == pytest.approx(ideal_s - 1.0)
    assert line_of(lines, "this, whole command").of_ideal == pytest.approx(ideal_s / 6.0)
    assert line_of(lines, "this, first frame to last row").of_ideal == pytest.approx(ideal_s / 4.0)
    bound = line_of(lines, "bound: no core ever idle")
    assert bound.seconds == pytest.approx((1.8 + 334 * 0.0058 + 40 * 0.016) / 2)


def test_model_that_could_not_be_measured_is_named(tmp_path: Path) -> None:
    run = own_run(tmp_path, inferences={"vehicle": 10, "text": 5})
    assert any("without text" in note for note in notes_of(measured(tmp_path, VIDEO, [run], [])))


def test_stages_are_listed_by_their_time_and_only_when_they_did_something(tmp_path: Path) -> None:
    stages = stages_of(read_timings(timings_file(tmp_path)))
    assert [(stage.name, stage.times) for stage in stages] == [
        ("stage READ", 1),
        ("stage VEHICLE_DETECT", 334),
        ("stage FINAL_WRITE", 12),
    ]
    assert stages[1].each_s == pytest.approx(0.005)


# --- rows -------------------------------------------------------------------------------------------


def test_f1_is_told_only_where_the_plates_are_known(tmp_path: Path) -> None:
    runs = [own_run(tmp_path, rows=(ROW,))]
    known = line_of(lines_of(measured(tmp_path, WITH_TRUTH, runs, [])), "this, whole command")
    unknown = line_of(lines_of(measured(tmp_path, VIDEO, runs, [])), "this, whole command")
    assert known.score is not None and known.score.f1 == 1.0
    assert unknown.score is None


@pytest.mark.parametrize(
    ("rows", "differing"),
    [
        pytest.param(({**ROW, "run_id": "2", "evidence": "b"},), (), id="only the run"),
        pytest.param(({**ROW, "last_frame": 20, "plate": None},), ("last_frame", "plate"), id="two columns"),
        pytest.param((), ("first_frame", "id", "last_frame", "plate"), id="a row less"),
    ],
)
def test_runs_with_other_rows_are_noticed(
    tmp_path: Path, rows: tuple[dict[str, object], ...], differing: tuple[str, ...]
) -> None:
    one = measured(tmp_path, VIDEO, [own_run(tmp_path, rows=(ROW,)), own_run(tmp_path, rows=rows)], [])
    assert one.differing_columns == differing
    told = f"NOT the same: {', '.join(differing)}" if differing else "the same"
    assert f"drive: the rows of 2 runs are {told}" in notes_of(one)


def test_order_of_rows_does_not_matter() -> None:
    other = {**ROW, "id": "8"}
    assert lasting([ROW, other]) == lasting([other, ROW])


# --- the table --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 1, ""),
        (0.0, 1, "0.0"),
        (12.345, 1, "12.3"),
        (1234.5, 0, "1,234"),
        (0.004, 2, "0.004"),
        (0.00001, 2, "0.0000"),
    ],
)
def test_figures_keep_what_they_say(value: float | None, digits: int, text: str) -> None:
    assert figure(value, digits) == text


def test_table_has_a_cell_for_every_column_and_none_for_what_does_not_apply(tmp_path: Path) -> None:
    table = main_table(lines_of(measured(tmp_path, WITH_TRUTH, [own_run(tmp_path)], [peer_run()])))
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len({len(row) for row in table.splitlines()}) == 1  # aligned
    cells = dict(zip(rows[0], next(row for row in rows if row[1] == "store write"), strict=True))
    assert (cells["times"], cells["ms each"], cells["s"]) == ("334", "1.00", "0.33")
    assert cells["CPU ms/frame"] == "0.17"  # a third of the frames, half a millisecond each
    assert (cells["frames/s"], cells["× peer"], cells["f1"]) == ("", "", "")


# --- the JSON ---------------------------------------------------------------------------------------


def test_saved_figures_hold_host_load_lines_and_every_run(tmp_path: Path) -> None:
    one = measured(tmp_path, WITH_TRUTH, [own_run(tmp_path), own_run(tmp_path)], [peer_run(), peer_run()])
    now = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    content = described(one.own[0].timings.host, now) | {"videos": [as_json(one)]}
    saved = json.loads(save(tmp_path / "bench.json", "bench", content).read_text())
    assert saved["made_at"] == "2030-01-02T03:04:05+00:00"
    assert saved["host"] == {"cpu": "a CPU", "cores": 2}
    assert len(saved["load"]) == 3
    video = saved["videos"][0]
    assert video["frames"] == 1000
    assert [line["what"] for line in video["lines"]] == [line.what for line in lines_of(one)]
    assert len(video["runs"]) == len(video["peer_runs"]) == 2
    assert video["runs"][0]["timings"]["stages"]["READ"] == {"tasks": 1, "batches": 1, "worker_s": 3.0}
    assert video["pair_ratios"] == {"whole": [10.0, 10.0], "working": [12.5, 12.5], "cpu": [11.0, 11.0]}
    assert video["ideal"]["total_s"] == pytest.approx(one.ideal.total_s)


def test_file_that_can_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BenchTrouble, match=r"can't be written: .*; name another with --json"):
        save(tmp_path / "nowhere" / "bench.json", "bench", described({}))


# --- what is missing --------------------------------------------------------------------------------


def test_missing_drives_say_how_to_name_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(BenchTrouble, match=rf"set {VARIABLE} to the folder that holds videos/{DRIVES[0]}"):
        chosen([])


def test_video_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchTrouble, match=r"no video .*gone\.mp4"):
        chosen([tmp_path / "gone.mp4"])


def test_any_video_can_be_given_with_or_without_its_truth(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "b.json").write_text('{"sightings": []}')
    found = chosen([tmp_path / "a.mp4", tmp_path / "b.mp4"])
    assert [video.truth for video in found] == [None, Truth((), ())]


@pytest.mark.parametrize("text", ["", "[]", '{"sightings": [{"plate": "A"}]}'])
def test_truth_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(BenchTrouble, match=r"a\.json lies beside the video but"):
        chosen([tmp_path / "a.mp4"])


def test_missing_peer_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(BenchTrouble, match="`make peer` makes it"):
        run_peer(tmp_path / "a.mp4", tmp_path, tmp_path / "python")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"version": 2}, "has version 2"),
        ({"stages": []}, "is not what"),
        ({"queue": {}}, "is not what"),
        ({"working_s": None}, "has read no frame"),
        ({"frames": 0}, "has read no frame"),
    ],
)
def test_timings_of_another_form_are_refused(tmp_path: Path, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BenchTrouble, match=words):
        read_timings(timings_file(tmp_path, **changed))


def test_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(BenchTrouble, match=r"ended with 3: .*no such luck"):
        run_command(["sh", "-c", "echo no such luck >&2; exit 3"], tmp_path / "log")


def test_command_takes_its_children_into_account_and_stays_on_its_cores(tmp_path: Path) -> None:
    busy = f"import time\nwhile time.process_time() < {BUSY_S}: pass"
    program = f"import os, subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}]);"
    program += "print(sorted(os.sched_getaffinity(0)))"
    core = min(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    took = run_command([sys.executable, "-c", program], tmp_path / "log", cores=frozenset({core}))
    assert took.output.strip() == f"[{core}]"
    assert os.sched_getaffinity(0) == before
    assert took.cpu_s >= BUSY_S


# --- the documents ----------------------------------------------------------------------------------


def test_every_script_of_the_benchmarks_is_described() -> None:
    folder = Path(__file__).parent.parent / "benchmarks"
    described = (folder.parent / "docs" / "development.md").read_text(encoding="utf-8")
    scripts = [path.name for path in folder.glob("*.py")]
    assert scripts
    assert [name for name in scripts if name not in described] == []
