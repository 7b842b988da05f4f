"""Tenants that ask most lately have a place, whoever was first."""

from collections import Counter

from headrace.changes.tenant_places import FADES, TenantPlaces


def places(*names: str) -> TenantPlaces:
    made = TenantPlaces(most=2)
    for name in names:
        made.of(name)
    return made


def test_the_first_have_places_and_all_others_share_one() -> None:
    made = places("a", "b")
    assert [made.of(name) for name in ("a", "b", "c", "d")] == [0, 1, 2, 2]


def test_one_that_asks_no_more_gives_its_place_to_one_that_does() -> None:
    made = places("a", "b")
    made.count(Counter(a=1, b=50))
    assert made.count(Counter(b=50, c=50)) == 0
    assert made.names == ["c", "b"]
    assert made.count(Counter(b=50, c=50)) is None


def test_what_is_long_ago_fades() -> None:
    made = places("a", "b")
    made.count(Counter(a=1000, b=1000))
    taken = [made.count(Counter(b=10, c=10)) for _ in range(20 * FADES)]
    assert [place for place in taken if place is not None] == [0]


def test_tenants_of_about_one_rate_keep_their_places() -> None:
    made = places("a", "b")
    assert not any(made.count(Counter(a=10, b=10, c=11)) is not None for _ in range(1000))


def test_a_flood_of_names_that_come_once_takes_no_place() -> None:
    made = places("a", "b")
    for number in range(1000):
        made.count(Counter({f"x{number}-{each}": 1 for each in range(100)} | {"a": 5, "b": 5}))
    assert made.names == ["a", "b"]


def test_nobody_takes_a_place_while_one_is_free() -> None:
    made = places("a")
    assert made.count(Counter(c=1000)) is None
