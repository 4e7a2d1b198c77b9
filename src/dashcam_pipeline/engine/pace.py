"""What the work on one category came to: how many batches, how much worker time, from when to when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """Counted in the ledger, a category each."""

    batches: int = 0
    busy_s: float = 0.0  # worker time, all workers together
    first_s: float | None = None  # when the first result was handed in, by the queue's clock
    last_s: float | None = None  # when the last one was

    def handed_in(self, now_s: float) -> None:
        """A result of a batch, or a part of one, has come in."""
        self.first_s = now_s if self.first_s is None else self.first_s
        self.last_s = now_s

    def completed(self, busy_s: float) -> None:
        """A batch is done."""
        self.batches += 1
        self.busy_s += busy_s
