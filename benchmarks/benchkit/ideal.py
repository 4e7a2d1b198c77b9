"""What a run would take if it did nothing but decode and infer, and did that as well as the host can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchkit.trouble import BenchTrouble


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall clock and CPU time of a piece of work that has all cores for itself."""

    wall_s: float
    cpu_s: float

    def times(self, count: int) -> Cost:
        return Cost(self.wall_s * count, self.cpu_s * count)


@dataclass(frozen=True, slots=True)
class Ideal:
    """Decoding all frames of a video, and the inferences that a run over it made."""

    decode: Cost
    inference: Cost
    cores: int

    @property
    def in_turn_s(self) -> float:
        """One after the other, each on all cores: what a run is held against."""
        return self.decode.wall_s + self.inference.wall_s

    @property
    def overlapped_s(self) -> float:
        """The same CPU time with no core ever idle: a bound that nothing can pass."""
        return (self.decode.cpu_s + self.inference.cpu_s) / self.cores


def ideal_of(decode: Cost, counts: Mapping[str, int], each: Mapping[str, Cost], cores: int) -> Ideal:
    """Add up what a run did.

    Args:
        decode: of the whole file.
        counts: inferences of the run, by model.
        each: cost of one inference in throughput mode, by model.
        cores: that both were measured on.

    Raises:
        BenchTrouble: the run used a model that was not measured.
    """
    unknown = sorted(name for name, count in counts.items() if count and name not in each)
    if unknown:
        raise BenchTrouble(f"the run made inferences of {', '.join(unknown)}, of which no cost was measured")
    done = [each[name].times(count) for name, count in counts.items() if count]
    inference = Cost(sum(cost.wall_s for cost in done), sum(cost.cpu_s for cost in done))
    return Ideal(decode, inference, cores)
