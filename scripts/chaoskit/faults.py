"""The kinds of fault, and which of them happen when in the trial of a seed."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaoskit.cluster import Cluster
from chaoskit.ramdisk import RamDisk
from chaoskit.running import Running

EARLIEST_S = 0.3  # before that the command has not even read its arguments
MOST_FAULTS = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a plan."""

    kind: str
    delay_s: float  # after the start of the command, or after the fault before
    hold_s: float  # until it is taken back, where it is one that can be
    dice: float  # 0..1, chooses among several targets


@dataclass(slots=True)
class Scene:
    """What there is to be disturbed."""

    running: Running
    work: Path
    disk: RamDisk | None
    cluster: Cluster | None


Act = Callable[[Scene, Fault], bool]
"""Does it, and says whether there was something to do it to."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault."""

    act: Act | None  # None: it comes from within a stage, see injected.py
    undo: Act | None = None
    embedded: bool = False  # it is done to the server in the work dir
    cluster: bool = False  # it is done to a server of the user's
    disk: bool = False  # it needs a disk of its own
    hold_s: tuple[float, float] = (0.0, 0.0)


def _signal_supervisor(number: int, group: bool = False) -> Act:
    def act(scene: Scene, fault: Fault) -> bool:
        scene.running.signal(number, group)
        return True

    return act


def _signal_worker(number: int) -> Act:
    def act(scene: Scene, fault: Fault) -> bool:
        workers = scene.running.workers()
        return bool(workers) and _send(workers[int(fault.dice * len(workers))], number)

    return act


def _signal_manager(number: int) -> Act:
    def act(scene: Scene, fault: Fault) -> bool:
        manager = scene.running.manager()
        return manager is not None and _send(manager, number)

    return act


def _signal_postgres(number: int) -> Act:
    def act(scene: Scene, fault: Fault) -> bool:
        with suppress(OSError, ValueError, IndexError):
            return _send(int((scene.work / "postgres" / "postmaster.pid").read_text().split()[0]), number)
        return False

    return act


def _stop_cluster(scene: Scene, fault: Fault) -> bool:
    assert scene.cluster is not None
    scene.cluster.stop("immediate" if fault.dice < 0.5 else "fast")
    return True


def _start_cluster(scene: Scene, fault: Fault) -> bool:
    assert scene.cluster is not None
    scene.cluster.start()
    return True


def _fill_disk(left_mb: Sequence[float]) -> Act:
    def act(scene: Scene, fault: Fault) -> bool:
        assert scene.disk is not None
        scene.disk.fill(left_mb[int(fault.dice * len(left_mb))])
        return True

    return act


def _relieve_disk(scene: Scene, fault: Fault) -> bool:
    assert scene.disk is not None
    scene.disk.relieve()
    return True


def _send(pid: int, number: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


KINDS: dict[str, Kind] = {
    "kill_worker": Kind(_signal_worker(signal.SIGKILL)),
    "kill_manager": Kind(_signal_manager(signal.SIGKILL)),
    "kill_supervisor": Kind(_signal_supervisor(signal.SIGKILL)),
    "stop_worker": Kind(_signal_worker(signal.SIGSTOP)),  # nobody wakes it again
    "stop_manager": Kind(_signal_manager(signal.SIGSTOP)),
    "pause_supervisor": Kind(
        _signal_supervisor(signal.SIGSTOP), _signal_supervisor(signal.SIGCONT), hold_s=(0.5, 6.0)
    ),
    "sigint": Kind(_signal_supervisor(signal.SIGINT, group=True)),
    "sigint_twice": Kind(
        _signal_supervisor(signal.SIGINT, group=True),
        _signal_supervisor(signal.SIGINT, group=True),
        hold_s=(0.0, 2.0),
    ),
    "sigterm": Kind(_signal_supervisor(signal.SIGTERM)),
    "sighup": Kind(_signal_supervisor(signal.SIGHUP, group=True)),
    "kill_postgres": Kind(_signal_postgres(signal.SIGKILL), embedded=True),
    "quit_postgres": Kind(
        _signal_postgres(signal.SIGQUIT), embedded=True
    ),  # as `pg_ctl stop -m immediate` does
    "postgres_away": Kind(_stop_cluster, _start_cluster, cluster=True, hold_s=(1.0, 6.0)),
    "disk_full": Kind(_fill_disk((0.0, 0.2, 2.0)), _relieve_disk, disk=True, hold_s=(1.0, 5.0)),
    "disk_low": Kind(_fill_disk((10.0, 20.0)), _relieve_disk, disk=True, hold_s=(1.0, 5.0)),
    "stage_raises": Kind(None),
    "stage_crashes": Kind(None),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to happen to the job of one seed."""

    seed: int
    faults: tuple[Fault, ...]  # one after the other
    checkpoint_s: float

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(fault.kind for fault in self.faults)

    def needs(self, what: str) -> bool:
        """`disk` or `cluster`."""
        return any(getattr(KINDS[kind], what) for kind in self.kinds)


def plan_of(seed: int, kinds: Sequence[str], usual_s: float) -> Plan:
    """The plan of a seed: its first kind goes through `kinds` in turn, so that all come up; the others by chance.

    Args:
        usual_s: seconds of an undisturbed run, within which the faults fall.
    """
    chance = random.Random(seed)
    chosen = [kinds[seed % len(kinds)]]
    for _ in range(chance.randrange(MOST_FAULTS)):
        chosen.append(chance.choice(kinds))
    chance.shuffle(chosen)
    return Plan(seed, _timed(chosen, chance, usual_s), chance.choice((0.5, 1.0, 2.0)))


def dealt_out(seeds: Sequence[int], kinds: Sequence[str], usual_s: float) -> list[Plan]:
    """Plans in which each kind occurs once in all, for a short trial of everything."""
    plans = []
    embedded = [kind for kind in kinds if not KINDS[kind].cluster]
    hands = [embedded[number :: len(seeds)] for number in range(len(seeds))]
    away = [kind for kind in kinds if KINDS[kind].cluster]
    for seed, hand in zip(seeds, hands, strict=True):
        chance = random.Random(seed)
        if away and not any(KINDS[kind].embedded for kind in hand):
            hand = [*hand, away.pop()]
        chance.shuffle(hand)
        plans.append(Plan(seed, _timed(hand, chance, 0.6 * usual_s), 1.0))
    return plans


def _timed(chosen: Sequence[str], chance: random.Random, usual_s: float) -> tuple[Fault, ...]:
    away = any(KINDS[kind].cluster for kind in chosen)
    faults: list[Fault] = []
    for kind in chosen:
        if away and KINDS[kind].embedded:
            kind = "postgres_away"  # there is no server in the work dir then
        latest = usual_s if not faults else usual_s / 2
        faults.append(
            Fault(
                kind,
                chance.uniform(EARLIEST_S, max(EARLIEST_S, latest)),
                chance.uniform(*KINDS[kind].hold_s),
                chance.random(),
            )
        )
    return tuple(faults)
