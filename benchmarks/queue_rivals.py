"""The queues that ours is measured against: multiprocessing.Queue, and a list in a Redis server of our own."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import psutil

from dashcam_pipeline.engine.task import Task

END = None  # what tells a process that a multiprocessing.Queue is empty, which it can't know by itself
TAKERS = 64  # so many ends are put into it, enough for all
REDIS_UP_S = 10.0
FILL = 1000  # tasks a call while a list is filled


@dataclass(frozen=True, slots=True)
class Contender:
    """A filled queue.

    Args:
        name: what it is called in the table.
        tasks: how many can be taken out of it.
        take: called in another process with its name, takes and finishes batches; yields how many tasks each had.
        server_cpu_s: CPU time so far of the process that serves.
    """

    name: str
    tasks: int
    take: Callable[[str], Iterator[int]]
    server_cpu_s: Callable[[], float]


class RedisMissing(Exception):
    """Redis can't be measured here."""


@contextmanager
def mp_queue(tasks: Sequence[Task], size: int) -> Iterator[Contender]:
    """Python's own. It forgets a task as soon as it is taken."""
    queue: Queue[list[Task] | Task | None] = get_context("spawn").Queue()
    if size == 1:
        for task in tasks:
            queue.put(task)
    else:
        for start in range(0, len(tasks), size):
            queue.put(list(tasks[start : start + size]))
    for _ in range(TAKERS):
        queue.put(END)
    try:  # its feeder, which packs and sends, is a thread of this process
        yield Contender("multiprocessing.Queue", len(tasks), partial(_get_all, queue), time.process_time)
    finally:
        queue.cancel_join_thread()
        queue.close()


def _get_all(queue: Queue[list[Task] | Task | None], owner: str) -> Iterator[int]:
    while (got := queue.get()) is not END:
        yield len(got) if isinstance(got, list) else 1


@contextmanager
def redis_list(tasks: Sequence[Task], size: int) -> Iterator[Contender]:
    """A list in a server of its own, on a Unix socket, kept in memory only. Raises RedisMissing."""
    try:
        import redis
    except ImportError as error:
        raise RedisMissing("Redis is not measured: `pip install redis` for its client") from error
    program = shutil.which("redis-server")
    if program is None:
        raise RedisMissing("Redis is not measured: `apt install redis-server`, or your system's way to it")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "redis.sock"
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(path),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            folder,
        ]
        server = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        try:
            _wait_for(path, server)
            with redis.Redis(unix_socket_path=str(path)) as client:
                for start in range(0, len(tasks), FILL):
                    client.lpush("tasks", *map(pickle.dumps, tasks[start : start + FILL]))
            process = psutil.Process(server.pid)
            yield Contender(
                "Redis list",
                len(tasks),
                partial(_move_all, str(path), size),
                lambda: float(sum(process.cpu_times()[:2])),
            )
        finally:
            server.kill()
            server.wait()


def _wait_for(path: Path, server: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + REDIS_UP_S
    while not path.exists():
        if server.poll() is not None or time.monotonic() > deadline_s:
            raise RedisMissing("Redis is not measured: its server did not start")
        time.sleep(0.01)


def _move_all(path: str, size: int, owner: str) -> Iterator[int]:
    """Take a batch, note it down as being worked on, open it, and strike it off."""
    import redis

    with redis.Redis(unix_socket_path=path) as client:
        while answer := client.lmpop(1, "tasks", direction="RIGHT", count=size):
            packed = answer[1]
            with client.pipeline(transaction=False) as noted:
                noted.rpush(f"working:{owner}", *packed)
                noted.execute()
            opened = [pickle.loads(one) for one in packed]
            with client.pipeline(transaction=False) as struck_off:
                struck_off.delete(f"working:{owner}")
                struck_off.execute()
            yield len(opened)
