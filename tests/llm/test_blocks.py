"""The pool of blocks."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headrace.llm.blocks import BlockPool
from headrace.llm.prefix_cache import PrefixCache


def hash_of(number: int) -> bytes:
    return number.to_bytes(16, "little")


def test_block_0_is_never_given_away() -> None:
    pool = BlockPool(4, PrefixCache())
    assert pool.num_free == 3
    assert sorted(pool.allocate(3)) == [1, 2, 3]
    assert pool.num_free == 0
    assert pool.num_used == 3


def test_more_blocks_than_are_free_are_not_given() -> None:
    with pytest.raises(AssertionError, match="4 blocks wanted, 3 free"):
        BlockPool(4, PrefixCache()).allocate(4)


def test_a_shared_block_is_free_when_its_last_holder_is_gone() -> None:
    pool = BlockPool(4, PrefixCache())
    blocks = pool.allocate(2)
    pool.share(blocks[:1])
    pool.free(blocks)
    assert pool.num_used == 1
    pool.free(blocks[:1])
    assert pool.num_used == 0


def test_blocks_of_the_prefix_cache_count_as_free_and_come_back_by_sharing() -> None:
    cache = PrefixCache()
    pool = BlockPool(4, cache)
    [block] = pool.allocate(1)
    cache.enter(hash_of(1), block)
    pool.free([block])
    assert pool.num_free == 3
    assert pool.num_unheld([block]) == 1
    pool.share(cache.find([hash_of(1)], 1))
    assert pool.num_used == 1
    assert pool.num_unheld([block]) == 0


def test_empty_blocks_are_given_before_those_that_can_be_found_again() -> None:
    cache = PrefixCache()
    pool = BlockPool(4, cache)
    [block] = pool.allocate(1)
    cache.enter(hash_of(1), block)
    pool.free([block])
    pool.allocate(2)
    assert block in cache
    assert pool.allocate(1) == [block]
    assert block not in cache


def test_the_end_of_the_text_that_was_used_longest_ago_is_forgotten_first() -> None:
    cache = PrefixCache()
    pool = BlockPool(5, cache)
    old, new = pool.allocate(2), pool.allocate(2)
    for number, block in enumerate([*old, *new]):
        cache.enter(hash_of(number), block)
    pool.free(old)
    pool.free(new)
    pool.share(old[:1])
    pool.free(old[:1])
    assert [pool.allocate(1)[0] for _ in range(4)] == [old[1], new[1], new[0], old[0]]


class Pool(RuleBasedStateMachine):
    """Sequences come, find the blocks of others, grow and go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = PrefixCache()
        self.pool = BlockPool(12, self.cache)
        self.tables: list[list[int]] = []
        self.count = 0

    @rule(count=st.integers(1, 5), entered=st.integers(0, 5))
    def take(self, count: int, entered: int) -> None:
        if count <= self.pool.num_free:
            blocks = self.pool.allocate(count)
            for block in blocks[:entered]:
                self.count += 1
                self.cache.enter(hash_of(self.count), block)
            self.tables.append(blocks)

    @rule(data=st.data())
    @precondition(lambda self: self.count)
    def find(self, data: st.DataObject) -> None:
        blocks = self.cache.find([hash_of(data.draw(st.integers(1, self.count)))], 1)
        if blocks:
            self.pool.share(blocks)
            self.tables.append(blocks)

    @rule(data=st.data())
    @precondition(lambda self: self.tables)
    def leave(self, data: st.DataObject) -> None:
        self.pool.free(self.tables.pop(data.draw(st.integers(0, len(self.tables) - 1))))

    @invariant()
    def each_block_is_in_its_place(self) -> None:
        self.pool.check(self.tables)


Pool.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_no_block_is_lost_or_given_twice = Pool.TestCase
