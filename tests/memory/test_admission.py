"""A load gets room, waits for it, or is refused with the numbers; over any history the budget holds."""

import random

from hypothesis import given
from hypothesis import strategies as st

from headrace.memory.admission import Fits, MakeRoom, NoRoom, Share, WaitForRoom, admit, why_not
from headrace.memory.eviction import Resident
from headrace.memory.ledger import Hold, Ledger
from headrace.memory.processes import Taken
from headrace.types import ModelVersion

MIB = 1 << 20


def test_what_fits_is_let_in() -> None:
    assert admit(0, [Resident("a", 10, 0.0, 1.0)], 0) == Fits()


def test_idle_models_make_room() -> None:
    assert admit(5, [Resident("a", 10, 0.0, 1.0)], 0) == MakeRoom(("a",))


def test_a_busy_model_is_waited_for() -> None:
    assert admit(5, [Resident("a", 10, 0.0, 1.0, busy=True)], 0) == WaitForRoom()


def test_a_load_that_may_be_evicted_later_is_waited_for() -> None:
    assert admit(5, [], 10) == WaitForRoom()


def test_where_all_is_pinned_there_is_no_room() -> None:
    assert admit(5, [Resident("a", 10, 0.0, 1.0, pinned=True)], 0) == NoRoom()
    assert admit(50, [Resident("a", 10, 0.0, 1.0)], 20) == NoRoom()


def test_a_refusal_names_need_free_budget_and_who_holds_what() -> None:
    shares = [Share("server", 100 * MIB), Share("b/1 (pinned)", 350 * MIB)]
    assert why_not("a/1", 200 * MIB, 450 * MIB, 512 * MIB, shares) == (
        "a/1 needs 200.0 MiB at its peak, and 62.0 MiB of memory.budget, 512.0 MiB, are free; "
        "it is held by: b/1 (pinned) 350.0 MiB, server 100.0 MiB"
    )


def test_a_refusal_names_the_largest_and_sums_up_the_others() -> None:
    text = why_not("a/1", 1, 1, 1, [Share(f"m{size}", size) for size in range(20)])
    assert "m12 12 B, 12 more 66 B" in text


@given(st.integers(0, 2**32), st.integers(50, 400))
def test_over_any_history_the_budget_holds_and_what_is_pinned_or_busy_stays(seed: int, budget: int) -> None:
    draw = random.Random(seed)
    ledger = Ledger(budget)
    pinned: set[str] = set()
    busy: set[Hold] = set()
    for step in range(40):
        name = f"m{draw.randrange(8)}"
        if draw.random() < 0.1:
            (pinned.discard if name in pinned else pinned.add)(name)
        for hold in ledger.holds:
            if hold.stage == "loading" and draw.random() < 0.7:
                ledger.settle(
                    hold, Taken(size := draw.randint(1, hold.peak_bytes)), draw.randint(0, hold.peak_bytes - size)
                )
            (busy.add if draw.random() < 0.3 else busy.discard)(hold)
        needed = draw.randint(1, 120)
        residents = [
            Resident(hold, hold.reserved_bytes, draw.random(), 1.0, hold.version.name in pinned, hold in busy)
            for hold in ledger.holds
            if hold.stage == "resident"
        ]
        match admit(ledger.short_bytes(needed), residents, 0):
            case Fits():
                ledger.enter(ModelVersion(name, step + 1), needed)
            case MakeRoom(keys):
                for hold in keys:
                    assert hold.version.name not in pinned
                    assert hold not in busy
                    ledger.forget(hold)
                ledger.enter(ModelVersion(name, step + 1), needed)
            case WaitForRoom():
                assert any(hold in busy or hold.version.name not in pinned for hold in ledger.holds)
        assert ledger.held_bytes <= budget
