"""The Manager: one Python process, which serves one call at a time, and keeps those waiting who ask in vain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import simpy

from simulation.machine import Cores, OneAtATime, Result, Steps
from simulation.params import ManagerCost

WAKE_BLOCK = 16  # waiting callers who are looked after in one turn


@dataclass(frozen=True, slots=True)
class Waiter:
    """A call that waits in the Manager."""

    kind: str  # calls of one kind find the same
    operation: Callable[[], object | None]
    answered: simpy.Event


class Manager:
    """See the module. It takes its turns on the host's cores like any other process."""

    def __init__(self, env: simpy.Environment, cores: Cores, cost: ManagerCost) -> None:
        self._env = env
        self._cores = cores
        self._cost = cost
        self._server = OneAtATime(env)
        self.cpu_s = 0.0  # it can't spend more than one a second
        self._waiting: list[Waiter] = []

    def call(self, operation: Callable[[], Result], tasks: int) -> Steps[Result]:
        """One call that carries so many tasks."""
        cost = self._cost
        yield self._cores.run(cost.client_call_s + tasks * cost.client_task_s)
        yield from self._serve(cost.call_s + tasks * cost.task_s)
        return operation()

    def ask(
        self,
        kind: str,
        operation: Callable[[], Result | None],
        size: Callable[[Result], int],
        same_call: bool = False,
    ) -> Steps[Result]:
        """A call that waits in the Manager until there is an answer; it looks again when something changed.

        That a call comes back empty now and then, and is made again, is left out: while work goes on, changes are
        far more frequent. With `same_call` the question came with the call before.
        """
        cost = self._cost
        answer = operation() if same_call else (yield from self.call(operation, 0))
        if answer is None:
            waiter = Waiter(kind, operation, self._env.event())
            self._waiting.append(waiter)
            answer = yield waiter.answered
        if tasks := size(answer):
            yield from self._serve(tasks * cost.task_s)
            yield self._cores.run(tasks * cost.client_task_s)
        return answer

    def changed(self) -> None:
        """The queue has changed: whoever waits may get something."""
        woken, self._waiting = self._waiting, []
        if woken:
            self._env.process(self._look_again(woken))

    def _look_again(self, woken: list[Waiter]) -> Steps[None]:
        """All who were woken look, one after another; in blocks, which costs the simulation less."""
        for first in range(0, len(woken), WAKE_BLOCK):
            block = woken[first : first + WAKE_BLOCK]
            yield from self._serve(len(block) * self._cost.wake_s)
            in_vain: set[str] = set()
            for waiter in block:  # where one of a kind finds nothing, the others don't either
                answer = None if waiter.kind in in_vain else waiter.operation()
                if answer is None:
                    in_vain.add(waiter.kind)
                    self._waiting.append(waiter)
                else:
                    waiter.answered.succeed(answer)

    def _serve(self, work_s: float) -> Steps[None]:
        self.cpu_s += work_s
        yield from self._server.serve(partial(self._cores.run, work_s))
