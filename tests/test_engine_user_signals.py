"""What counts as a request to stop."""

from __future__ import annotations

import signal

import pytest

from dashcam_pipeline.engine.user_signals import SAME_ASK_S, UserSignals
from engine_toys import Clock

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
AT_ONCE, LATER = SAME_ASK_S / 2, 2 * SAME_ASK_S


@pytest.mark.parametrize(
    ("came", "stops"),
    [
        ([(INT, LATER)], 1),
        ([(INT, LATER), (INT, LATER)], 2),
        ([(INT, LATER), (TERM, AT_ONCE)], 2),
        ([(TERM, LATER), (TERM, AT_ONCE)], 1),
        ([(HUP, LATER), (HUP, LATER), (HUP, LATER)], 1),
        ([(INT, LATER), (HUP, LATER)], 1),
        ([(HUP, LATER), (INT, LATER)], 2),
    ],
    ids=[
        "Ctrl+C",
        "Ctrl+C twice",
        "two different ones at once",
        "sent to the process and its group",
        "a terminal that closes",
        "a terminal that closes during a drain",
        "Ctrl+C after the terminal closed",
    ],
)
def test_how_often_the_run_was_asked_to_stop(came: list[tuple[int, float]], stops: int) -> None:
    clock = Clock()
    signals = UserSignals(clock)
    for number, after_s in came:
        clock.turn(after_s)
        signals.on_stop(number, None)
    assert signals.stops == stops


def test_handlers_are_as_before_afterwards() -> None:
    numbers = (INT, TERM, HUP, signal.SIGTSTP)
    before = [signal.getsignal(number) for number in numbers]
    with UserSignals().heard() as _:
        assert all(signal.getsignal(number) not in before for number in numbers)
    assert [signal.getsignal(number) for number in numbers] == before
