"""A change is told once, and not before it has been still."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.repository.file_facts import Facts, FileFact
from headrace.repository.settling import Settling


def facts(size: int) -> Facts:
    return (FileFact("model.onnx", size, 0, 0, 0),)


A, B, C = facts(1), facts(2), facts(3)


def told(settling: Settling, seen: dict[str, Facts], now_ns: int) -> list[str]:
    due = settling.see(seen, now_ns)
    for name in due:
        settling.tell(name)
    return due


def test_a_change_is_told_once_it_was_still_long_enough() -> None:
    settling = Settling({"m": A}, 10)
    assert told(settling, {"m": B}, 0) == []
    assert told(settling, {"m": B}, 9) == []
    assert settling.restless
    assert told(settling, {"m": B}, 10) == ["m"]
    assert told(settling, {"m": B}, 30) == []
    assert not settling.restless


def test_each_further_change_begins_the_wait_anew() -> None:
    settling = Settling({}, 10)
    assert told(settling, {"m": A}, 0) == []
    assert told(settling, {"m": B}, 9) == []
    assert told(settling, {"m": B}, 18) == []
    assert told(settling, {"m": B}, 19) == ["m"]


def test_what_went_is_told_too() -> None:
    settling = Settling({"m": A}, 10)
    told(settling, {}, 0)
    assert told(settling, {}, 10) == ["m"]
    assert told(settling, {}, 30) == []


def test_what_is_again_as_it_was_has_not_changed() -> None:
    settling = Settling({"m": A}, 10)
    told(settling, {"m": B}, 0)
    told(settling, {"m": A}, 5)
    assert not settling.restless
    assert told(settling, {"m": B}, 12) == []


def test_what_nobody_was_told_of_is_due_again() -> None:
    settling = Settling({}, 10)
    settling.see({"m": A}, 0)
    assert settling.see({"m": A}, 10) == ["m"]
    assert settling.see({"m": A}, 11) == ["m"]


@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from([None, A, B, C]))))
def test_whatever_happens_the_last_state_is_told_in_the_end(history: list[tuple[int, Facts | None]]) -> None:
    settling, now_ns, known = Settling({"m": A}, 10), 0, A
    seen: dict[str, Facts] = {"m": A}
    for passed_ns, now in history:
        now_ns += passed_ns
        seen = {} if now is None else {"m": now}
        if told(settling, seen, now_ns):
            known = seen.get("m", ())
    for _ in range(2):
        now_ns += 10
        if told(settling, seen, now_ns):
            known = seen.get("m", ())
    assert known == seen.get("m", ())
    assert not settling.restless
