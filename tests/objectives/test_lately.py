"""What happened is counted for a while, and then forgotten."""

from headrace.objectives.lately import Lately, Rises


def test_what_happened_is_counted_until_it_is_out_of_the_window() -> None:
    lately: Lately[str] = Lately(60.0)
    for second in (0, 10, 30):
        lately.add("a", second)
    lately.add("b", 10)
    assert lately.counts(59) == {"a": 3, "b": 1}
    assert lately.counts(65) == {"a": 2, "b": 1}
    assert lately.counts(70) == {"a": 1}
    assert lately.counts(1000) == {}


def test_however_often_it_happens_little_is_remembered() -> None:
    lately: Lately[str] = Lately(60.0)
    for number in range(100_000):
        lately.add("a", number / 1000)
    assert sum(map(len, lately._counts.values())) <= 110


def test_what_is_forgotten_did_not_happen() -> None:
    lately: Lately[str] = Lately(60.0)
    lately.add("a", 0)
    lately.forget("a")
    lately.forget("b")
    assert lately.counts(1) == {}


def test_a_counter_rose_by_what_it_has_more_than_before() -> None:
    rises: Rises[str] = Rises(60.0)
    assert rises.read({"a": 3, "b": 0}, 0) == {"a": 3}
    assert rises.read({"a": 3, "b": 0}, 30) == {"a": 3}
    assert rises.read({"a": 5, "b": 1}, 61) == {"a": 2, "b": 1}
    assert rises.read({"a": 5, "b": 1}, 200) == {}
