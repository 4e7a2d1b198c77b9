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
START_S = 3.0  # until about then a command prepares itself
END_S = 2.5  # from the last frame that is read to the end of the command it takes about that
JITTER_S = 0.8
MOST_FAULTS = 3
SHARE_AT_START = 0.15  # of the faults hit a command that has not begun to read, …
SHARE_AT_END = 0.15  # … or one that has read everything


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a plan."""

    kind: str
    read_share: float  # of the job's frames must have been read, and then …
    delay_s: float  # … this must have passed since then and since the start of the command
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
    return scene.cluster.stop("immediate" if fault.dice < 0.5 else "fast")


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


def plan_of(seed: int, kinds: Sequence[str]) -> Plan:
    """The plan of a seed: its first kind goes through `kinds` in turn, so that all come up; the others by chance."""
    chance = random.Random(seed)
    chosen = [kinds[seed % len(kinds)]]
    for _ in range(chance.randrange(MOST_FAULTS)):
        chosen.append(chance.choice(kinds))
    chance.shuffle(chosen)
    moments = sorted((_moment(chance) for _ in chosen), key=lambda moment: moment.read_share)
    return Plan(seed, _timed(chosen, moments, chance), chance.choice((0.5, 1.0, 2.0)))


def dealt_out(seeds: Sequence[int], kinds: Sequence[str]) -> list[Plan]:
    """Plans in which each kind occurs once in all and hits while videos are read, for a short trial of everything."""
    embedded = [kind for kind in kinds if not KINDS[kind].cluster]
    hands = [embedded[number :: len(seeds)] for number in range(len(seeds))]
    away = [kind for kind in kinds if KINDS[kind].cluster]
    plans = []
    for seed, hand in zip(seeds, hands, strict=True):
        chance = random.Random(seed)
        if away and not any(KINDS[kind].embedded for kind in hand):
            hand = [*hand, away.pop()]
        chance.shuffle(hand)
        moments = [_Moment(0.9 * (number + 0.5) / len(hand), 0.0) for number in range(len(hand))]
        plans.append(Plan(seed, _timed(hand, moments, chance), 1.0))
    return plans


@dataclass(frozen=True, slots=True)
class _Moment:
    """When a fault happens, see `Fault`."""

    read_share: float
    delay_s: float


def _moment(chance: random.Random) -> _Moment:
    """While the command prepares itself, while it reads, or when all is read."""
    where = chance.random()
    if where < SHARE_AT_START:
        return _Moment(0.0, chance.uniform(EARLIEST_S, START_S))
    if where > 1 - SHARE_AT_END:
        return _Moment(1.0, chance.uniform(0.0, END_S))
    return _Moment(chance.random(), chance.uniform(0.0, JITTER_S))


def _timed(chosen: Sequence[str], moments: Sequence[_Moment], chance: random.Random) -> tuple[Fault, ...]:
    away = any(KINDS[kind].cluster for kind in chosen)
    faults: list[Fault] = []
    for kind, moment in zip(chosen, moments, strict=True):
        if away and KINDS[kind].embedded:
            kind = "postgres_away"  # there is no server in the work dir then
        hold_s = chance.uniform(*KINDS[kind].hold_s)
        faults.append(Fault(kind, moment.read_share, moment.delay_s, hold_s, chance.random()))
    return tuple(faults)
