"""The benchmark of the queue: every task that goes in comes out, and what can't be measured here is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parent.parent / "benchmarks" / "queue_throughput.py"
TASKS = 600


def test_all_queues_are_emptied_and_the_figures_saved(tmp_path: Path) -> None:
    saved = tmp_path / "queue.json"
    options = [
        "--tasks",
        str(TASKS),
        "--batches",
        "50",
        "--processes",
        "2",
        "--repeat",
        "1",
        "--json",
        str(saved),
    ]
    run = subprocess.run(
        [sys.executable, str(BENCHMARK), *options], capture_output=True, text=True, timeout=240
    )
    assert run.returncode == 0, run.stderr
    figures = json.loads(saved.read_text())
    ours = {row["work"]: row for row in figures["rows"] if row["queue"] == "CentralTaskQueue"}
    assert set(ours) == {"tasks alone", "with a frame each", "each pushes another"}
    rivals = {row["queue"] for row in figures["rows"]} - {"CentralTaskQueue"}
    assert "multiprocessing.Queue" in rivals
    assert "Redis list" in rivals or "Redis is not measured: " in run.stdout
    for row in ours.values():
        assert row["tasks"] == TASKS
        assert row["tasks_s"] > 0
    assert all(us > 0 for us in figures["singles"].values())
