"""Who makes room for whom."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.giving_way import first_pressing, next_to_go, who_gives_way
from headrace.llm.sequence import Sequence
from headrace.llm.terms import Terms

MS = 1_000_000
PROMISED = Terms(ttft_ns=1000 * MS)
COUNTS = st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.integers(0, 20)), max_size=12)


def sequence(promised: bool = False, level: int = 5, blocks: int = 3) -> Sequence:
    made = Sequence(1, [1] * 10, terms=Terms(priority=level, ttft_ns=1000 * MS if promised else None))
    made.blocks.extend(range(blocks))
    return made


def test_one_is_pressing_once_half_of_its_time_is_over() -> None:
    waiting = [sequence(), sequence(promised=True)]
    assert first_pressing(waiting, 500 * MS) is None
    assert first_pressing(waiting, 501 * MS) is waiting[1]


def test_who_was_promised_nothing_presses_nobody() -> None:
    assert first_pressing([sequence()], 10**12) is None


def test_when_memory_runs_out_the_last_without_a_promise_goes() -> None:
    assert next_to_go([sequence(), sequence(), sequence(promised=True)]) == 1


def test_where_all_were_promised_something_the_last_goes() -> None:
    assert next_to_go([sequence(promised=True), sequence(promised=True)]) == 1


def test_no_more_give_way_than_must() -> None:
    running = [sequence(blocks=3) for _ in range(5)]
    assert who_gives_way(running, sequence(promised=True), blocks=5, seats=0) == running[:2:-1]
    assert who_gives_way(running, sequence(promised=True), blocks=0, seats=1) == running[:3:-1]
    assert who_gives_way(running, sequence(promised=True), blocks=-2, seats=0) == []


def test_nobody_gives_way_where_it_would_not_be_enough() -> None:
    assert who_gives_way([sequence(blocks=3)], sequence(promised=True), blocks=9, seats=0) == []


@given(COUNTS, st.integers(1, 9), st.integers(-5, 60), st.integers(-2, 5))
def test_nobody_with_a_promise_or_of_a_higher_level_gives_way(
    counts: list[tuple[bool, int, int]], level: int, blocks: int, seats: int
) -> None:
    running = [sequence(promised, own, held) for promised, own, held in counts]
    giving = who_gives_way(running, sequence(True, level), blocks, seats)
    assert all(not each.terms.asks and each.level >= level for each in giving)
    if giving:
        assert sum(len(each.blocks) + 1 for each in giving) >= blocks
        assert len(giving) >= seats
