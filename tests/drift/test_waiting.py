"""What waits to be looked at is handed out by version, a little at a time."""

import numpy as np

from headrace.arrays import from_array
from headrace.drift.waiting import FEW, LOOKED_AT_BYTES, MOST_BYTES, TOGETHER, TOGETHER_BYTES, Waiting
from headrace.records import SampleRecord
from tests.drift.driven import sample


def of(version: int = 1, rows: int = 1, width: int = 4) -> SampleRecord:
    return sample([from_array("X", np.zeros((rows, width), np.float32))], version=version)


def waiting(*records: SampleRecord) -> Waiting:
    made = Waiting()
    assert all([made.add(record) for record in records])  # noqa: C419 (all are added)
    return made


def test_versions_that_come_in_turns_are_looked_at_one_after_another() -> None:
    lots = [[record.model.version for record in lot] for lot in waiting(*map(of, [2, 1, 2, 1])).lots()]
    assert lots == [[2, 2], [1, 1]]


def test_of_rows_that_are_small_or_hardly_looked_at_many_are_looked_at_together() -> None:
    small, long, many = (
        [len(lot) for lot in waiting(*[of(rows=rows, width=width)] * TOGETHER).lots()]
        for rows, width in ((1, 4), (1, 1 << 14), (1 << 13, 4))
    )
    assert small == [TOGETHER]
    assert set(long) == {TOGETHER_BYTES // LOOKED_AT_BYTES}
    assert set(many) == {FEW}


def test_what_comes_while_lots_are_handed_out_is_not_among_them() -> None:
    made = waiting(of())
    for _ in made.lots():
        made.add(of())
    assert [len(lot) for lot in made.lots()] == [1]


def test_there_is_room_again_once_lots_are_handed_out_or_given_up() -> None:
    large = of(width=MOST_BYTES // 4 // 8)
    made = waiting(*[large] * 8)
    assert not made.add(large)
    lots = made.lots()
    next(lots)
    lots.close()
    assert all(made.add(large) for _ in range(8))
