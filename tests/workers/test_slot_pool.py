"""Who has a slot, and when the memory of large batches goes back."""

import os

import pytest

from headrace.workers.slot_pool import BETWEEN_NS, LARGE_FOR_NS, NUM_SLOTS, SlotPool
from headrace.workers.slots import KEPT_BYTES, Slot
from tests.fakes import FakeClock

LARGE = KEPT_BYTES + (4 << 20)
LARGE_FOR_MS, BETWEEN_MS = LARGE_FOR_NS / 1e6, BETWEEN_NS / 1e6


def used(slot: Slot, num_bytes: int = LARGE) -> Slot:
    slot.inputs.room(num_bytes)[:num_bytes] = b"x" * num_bytes
    return slot


def held(slot: Slot) -> int:
    return os.fstat(slot.inputs.fd).st_blocks * 512


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pool(clock: FakeClock) -> SlotPool:
    return SlotPool(clock)


def test_each_is_had_once_and_the_last_used_is_had_again(pool: SlotPool) -> None:
    taken = [pool.take() for _ in range(NUM_SLOTS)]
    assert len({slot.index for slot in taken}) == NUM_SLOTS
    pool.give_back(taken[1])
    assert pool.take() is taken[1]


def test_memory_is_kept_while_large_batches_come_and_goes_back_once_none_does(pool: SlotPool, clock: FakeClock) -> None:
    slot = used(pool.take())
    for _ in range(3):
        pool.give_back(slot, LARGE)
        clock.pass_ms(LARGE_FOR_MS - 1)
        assert held(pool.take()) >= LARGE
    pool.give_back(slot, LARGE)
    clock.pass_ms(LARGE_FOR_MS)
    assert held(slot) <= KEPT_BYTES


def test_small_batches_do_not_keep_it(pool: SlotPool, clock: FakeClock) -> None:
    slot = used(pool.take())
    pool.give_back(slot, LARGE)
    for _ in range(4):
        clock.pass_ms(LARGE_FOR_MS / 4)
        pool.give_back(pool.take(), 100)
    clock.pass_ms(BETWEEN_MS)
    assert held(slot) <= KEPT_BYTES


def test_of_several_one_goes_back_at_a_time(pool: SlotPool, clock: FakeClock) -> None:
    taken = [used(pool.take()) for _ in range(NUM_SLOTS)]
    for slot in taken:
        pool.give_back(slot, LARGE)
    clock.pass_ms(LARGE_FOR_MS)
    still = [sum(held(slot) > KEPT_BYTES for slot in taken)]
    for _ in range(2):
        clock.pass_ms(BETWEEN_MS)
        still.append(sum(held(slot) > KEPT_BYTES for slot in taken))
    assert still == [2, 1, 0]


def test_what_is_in_use_is_left_alone(pool: SlotPool, clock: FakeClock) -> None:
    slot = used(pool.take())
    pool.give_back(slot, LARGE)
    pool.take()
    clock.pass_ms(2 * LARGE_FOR_MS)
    assert held(slot) >= LARGE
    pool.give_back(slot, 100)
    clock.pass_ms(BETWEEN_MS)
    assert held(slot) <= KEPT_BYTES


def test_one_that_is_closed_calls_nobody(pool: SlotPool, clock: FakeClock) -> None:
    pool.give_back(used(pool.take()), LARGE)
    pool.close()
    clock.pass_ms(2 * LARGE_FOR_MS)
