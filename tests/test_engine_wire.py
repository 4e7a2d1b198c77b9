"""Records of the queue come out of a pickle as they went in, whatever they are made of."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest

from dashcam_pipeline.engine.task import Batch, KeyState, Outcome, Task
from engine_toys import task

RICH = Task(
    task_id="a",
    category="SEARCH",
    source_id="s",
    key="k",
    order=3,
    epoch=2,
    payload=b"\x00\xff",
    payload_ref="f.raw",
    dependencies=("f.raw", "g.raw"),
    attempts=1,
    interruptions=2,
    tombstone_of="READ",
)
STATE = KeyState(b"state", ("g.raw",))


@pytest.mark.parametrize(
    "record",
    [
        RICH,
        task("plain"),
        STATE,
        Batch("SEARCH", (RICH, task("b"))),
        Batch("SEARCH", (RICH,), STATE),
        Batch("SEARCH", ()),
        Outcome(),
        Outcome(
            push=(RICH, task("b")),
            new_frames={"f.raw": 7},
            state=STATE,
            closer=task("end"),
            tallies={"seen": 2},
            cut=True,
        ),
    ],
)
def test_a_record_comes_out_as_it_went_in(record: object) -> None:
    again = pickle.loads(pickle.dumps(record))
    assert again == record
    assert type(again) is type(record)


def test_a_record_that_travelled_is_frozen_and_can_be_changed_by_replace() -> None:
    again = pickle.loads(pickle.dumps(RICH))
    with pytest.raises(FrozenInstanceError):
        again.order = 4
    assert replace(again, order=4) == replace(RICH, order=4)
    assert hash(again) == hash(RICH)
