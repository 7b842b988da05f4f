"""Counters are told since their beginning or since they were told last, and nothing is told twice or lost."""

from headrace.pushing.samples import Buckets, samples_of
from headrace.pushing.since import Since, Told
from tests.pushing.make import page

BEGAN, FIRST, SECOND, THIRD = 100, 200, 300, 400


def tell(since: Since, text: str, at_ns: int, arrives: bool = True) -> list[Told]:
    """The only series of each family, as it is told."""
    families = list(samples_of(text))
    lots = [since.told(family) for family in families]
    if arrives:
        for lot in lots:
            since.sent(lot, at_ns)
    since.over(families, at_ns)
    return [told for lot in lots for told in lot.told]


def test_all_is_told_since_the_server_began() -> None:
    since = Since(delta=False, began_ns=BEGAN)
    for at_ns, count in ((FIRST, 3), (SECOND, 5)):
        counter, gauge, histogram = tell(since, page(count, waiting=1.5, buckets=(1, 3, 4)), at_ns)
        assert (counter.value, counter.since_ns) == (count, BEGAN)
        assert gauge.value == 1.5
        assert isinstance(histogram.value, Buckets)
        assert (histogram.value.counts, histogram.since_ns) == ((1, 2, 1), BEGAN)


def test_what_was_added_is_told_since_the_last_time() -> None:
    since = Since(delta=True, began_ns=BEGAN)
    tell(since, page(3, buckets=(1, 3, 4), took=4.5), FIRST)
    counter, gauge, histogram = tell(since, page(5, waiting=2.0, buckets=(2, 4, 6), took=6.0), SECOND)
    assert (counter.value, counter.since_ns) == (2, FIRST)
    assert gauge.value == 2.0  # it is what it is
    assert histogram.value == Buckets((0.1, 1.0), (1, 0, 1), 1.5, ())  # the exemplar was told
    assert histogram.since_ns == FIRST


def test_what_did_not_arrive_is_told_with_the_next() -> None:
    since = Since(delta=True, began_ns=BEGAN)
    tell(since, page(3), FIRST)
    tell(since, page(5), SECOND, arrives=False)
    counter, *_ = tell(since, page(9), THIRD)
    assert (counter.value, counter.since_ns) == (6, FIRST)


def test_what_fell_began_anew_since_it_was_told_last() -> None:
    for delta in (False, True):
        since = Since(delta, BEGAN)
        tell(since, page(5, buckets=(1, 3, 4)), FIRST)
        counter, _, histogram = tell(since, page(2, buckets=(0, 3, 4)), SECOND)
        assert (counter.value, counter.since_ns) == (2, FIRST)
        assert isinstance(histogram.value, Buckets)
        assert (histogram.value.counts, histogram.since_ns) == ((0, 3, 1), FIRST)
        counter, *_ = tell(since, page(4), THIRD)
        assert (counter.value, counter.since_ns) == ((2, SECOND) if delta else (4, FIRST))


def test_what_is_new_was_nothing_at_the_page_before() -> None:
    since = Since(delta=False, began_ns=BEGAN)
    tell(since, "", FIRST)
    counter, *_ = tell(since, page(3), SECOND)
    assert counter.since_ns == FIRST


def test_what_is_gone_begins_anew_when_it_comes_back() -> None:
    since = Since(delta=True, began_ns=BEGAN)
    tell(since, page(3), FIRST)
    tell(since, "", SECOND)
    counter, *_ = tell(since, page(4), THIRD)
    assert (counter.value, counter.since_ns) == (4, SECOND)
