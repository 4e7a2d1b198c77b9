"""The one error of the benches: its text says what is missing and what to do."""

from __future__ import annotations


class BenchTrouble(Exception):
    """A bench can't be run, or a run of it failed; ends in one clear line."""
