"""All bodies together have a limit, whatever becomes of each."""

import random

import pytest

from headrace.errors import MemoryFull
from headrace.protocols.bodies import UNCOUNTED_BYTES, Bodies, Counted

MIB = 1 << 20


def test_eight_of_the_largest_have_room() -> None:
    bodies = Bodies(64 * MIB)
    counted = [bodies.grown(0, 64 * MIB) for _ in range(8)]
    with pytest.raises(MemoryFull, match="536870912 bytes") as refused:
        bodies.grown(0, UNCOUNTED_BYTES + 1)
    assert refused.value.retry_after_s == 1
    bodies.over(counted.pop())
    assert bodies.grown(0, 64 * MIB) == 64 * MIB


def test_one_that_is_alone_has_room_whatever_its_size() -> None:
    bodies = Bodies(MIB)
    counted = bodies.grown(bodies.grown(0, 60 * MIB), 100 * MIB)
    assert counted == bodies.total == 100 * MIB
    with pytest.raises(MemoryFull):
        bodies.grown(0, MIB)


def test_small_bodies_have_room_where_large_ones_have_none() -> None:
    bodies = Bodies(8 * MIB)
    for _ in range(8):
        bodies.grown(0, 8 * MIB)
    assert bodies.grown(0, UNCOUNTED_BYTES) == 0


def test_where_largest_bodies_are_small_many_have_room_all_the_same() -> None:
    bodies = Bodies(1000)
    assert bodies.grown(0, 64 * MIB) == 64 * MIB


def test_a_body_counts_once_and_is_over_once() -> None:
    bodies = Bodies(MIB)
    body = Counted(bodies)
    for size in (100_000, 200_000):
        body.grown(size)
    assert bodies.total == 200_000
    body.over()
    body.over()
    assert bodies.total == 0


def test_what_is_counted_is_what_is_held_and_within_the_limit() -> None:
    draw, bodies, held = random.Random(1), Bodies(8 * MIB), dict[int, tuple[int, int]]()
    for step in range(5000):
        number = draw.randrange(40)
        size, counted = held.get(number, (0, 0))
        if draw.random() < 0.1:
            bodies.over(counted)
            held.pop(number, None)
        else:
            size += draw.randrange(2 * UNCOUNTED_BYTES * 8)
            try:
                held[number] = size, bodies.grown(counted, size)
            except MemoryFull:
                bodies.over(counted)
                held.pop(number, None)
        large = sum(size for size, _ in held.values() if size > UNCOUNTED_BYTES)
        assert bodies.total == large <= 64 * MIB, step
