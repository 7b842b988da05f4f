"""Who comes alone is not held; who comes with others is."""

from headrace.protocols.oip.coming import ALONE, NEAR_NS, UNASKED, Coming


def crowded() -> Coming:
    coming = Coming()
    coming.came(0)
    coming.came(1)
    return coming


def test_the_first_one_is_not_held() -> None:
    assert not Coming().came(0)


def test_one_soon_after_another_is_held() -> None:
    coming = Coming()
    coming.came(0)
    assert coming.came(NEAR_NS - 1)


def test_those_that_come_one_by_one_are_not() -> None:
    coming = Coming()
    assert not any(coming.came(at * NEAR_NS) for at in range(10))


def test_whoever_follows_a_crowd_is_held_for_it() -> None:
    assert crowded().came(100 * NEAR_NS)


def test_a_crowd_that_is_gone_is_not_waited_for() -> None:
    coming = crowded()
    for _ in range(ALONE):
        coming.closed(1)
    assert not coming.came(100 * NEAR_NS)


def test_a_crowd_that_comes_again_is() -> None:
    coming = crowded()
    for _ in range(ALONE - 1):
        coming.closed(1)
    coming.closed(2)
    coming.closed(1)
    assert coming.came(100 * NEAR_NS)


def test_where_none_may_be_held_it_is_seldom_asked() -> None:
    coming = crowded()
    coming.refused()
    assert [coming.came(1) for _ in range(UNASKED + 1)] == [False] * UNASKED + [True]
