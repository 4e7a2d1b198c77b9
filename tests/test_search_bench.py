"""benchmarks/search.py on few rows: every kind of search is timed, and its figures are written."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import search


def test_every_kind_of_search_is_timed_beside_brute_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "search.json"
    monkeypatch.setattr(search, "INSERTED", 200)
    monkeypatch.setattr(
        sys, "argv", ["search.py", "--rows", "2000", "--searches", "20", "--json", str(written)]
    )
    search.main()
    figures = json.loads(written.read_text())
    found = {timing["kind"]: timing["mean_found"] for timing in figures["timings"]}
    assert found["exact"] >= 0.8  # a part of a joined vehicle is not found by its own text
    assert found["near, up to 2"] >= found["near, up to 1"] >= found["near, up to 0.5"]
    assert found["near, up to 1"] > 0
    assert all(any("Execution Time" in line for line in timing["plan"]) for timing in figures["timings"])
    assert figures["cost"]["index_mb"].keys() == set(search.INDEXES)
    printed = capsys.readouterr().out
    assert all(f"| {kind} |" in printed for kind in found)
