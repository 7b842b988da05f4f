"""A rendering may take so much and no more."""

from collections.abc import Iterator

import pytest

from headrace.llm.chat_template_budget import (
    ELEMENT,
    LARGE,
    LOOK_EVERY,
    MADE_FOR_EACH,
    MAX_CHARACTERS,
    MAX_HELD,
    MAX_SECONDS,
    MAX_STEPS,
    Budget,
    TooMuch,
)


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Walked(list[str]):
    """Counts how often it was gone through."""

    walks = 0

    def __iter__(self) -> Iterator[str]:
        self.walks += 1
        return super().__iter__()


def test_steps_end() -> None:
    budget = Budget(now_s=Clock())
    with pytest.raises(TooMuch, match="steps"):
        for _ in range(MAX_STEPS + 1):
            budget.step()


def test_time_ends_within_a_few_steps() -> None:
    clock = Clock()
    budget = Budget(now_s=clock)
    budget.step()
    clock.now_s = MAX_SECONDS + 0.1
    with pytest.raises(TooMuch, match="longer"):
        for _ in range(LOOK_EVERY):
            budget.step()


def test_time_is_looked_at_after_a_large_text() -> None:
    clock = Clock()
    budget = Budget(now_s=clock)
    clock.now_s = MAX_SECONDS + 0.1
    budget.charge("x" * LARGE)
    with pytest.raises(TooMuch, match="longer"):
        budget.charge("x" * (LARGE + 1))


def test_characters_end_and_an_element_counts_for_several() -> None:
    budget = Budget()
    for _ in range(10):
        budget.charge([0] * (MAX_CHARACTERS // ELEMENT // 10))
    budget.charge(range(1000))  # holds nothing
    budget.charge(None)
    with pytest.raises(TooMuch, match="characters"):
        budget.charge("x")


def test_more_may_be_made_of_more() -> None:
    given = "x" * 10
    Budget(given).afford(MAX_CHARACTERS + 10 * MADE_FOR_EACH)
    with pytest.raises(TooMuch):
        Budget(given).afford(MAX_CHARACTERS + 10 * MADE_FOR_EACH + 1)


def test_more_may_be_held_where_more_goes_in() -> None:
    given = ["x" * MAX_HELD]
    Budget(given).charge([given, given])
    with pytest.raises(TooMuch):
        Budget().charge([given, given])


@pytest.mark.parametrize(
    "value", ["text", 12, 1 << 4000, 1.5, None, ["a", "bc"], {"a": [1, {"b": "c"}]}, ("x",), {}.values()]
)
def test_what_is_measured_is_never_shorter_as_text(value: object) -> None:
    assert Budget().measure(value) >= len(str(value))


def test_a_list_that_holds_itself_many_times_is_not_measured_forever() -> None:
    value: list[object] = ["x"]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(TooMuch):
        Budget(now_s=Clock()).measure(value)


def test_a_list_that_grows_by_what_it_held_twice_may_not_be_made() -> None:
    budget, value = Budget(now_s=Clock()), ["x"]
    with pytest.raises(TooMuch, match="makes a value of more than"):
        for _ in range(30):
            value = [value, value]  # type: ignore[list-item]
            budget.charge(value)


def test_what_was_measured_is_not_walked_through_again() -> None:
    long = Walked(["x"] * 100)
    budget = Budget(long)
    assert budget.measure([long, long]) > 2 * budget.measure("x" * 100)
    assert long.walks == 1


def test_values_that_are_drawn_one_by_one_are_measured_as_they_come() -> None:
    clock = Clock()
    values = Budget(now_s=clock).each(iter(["a", ["x" * (LARGE + 1)]]))
    assert next(values) == "a"
    clock.now_s = MAX_SECONDS + 0.1
    with pytest.raises(TooMuch, match="longer"):
        next(values)


def test_loops_take_a_step_for_each_value_and_tell_where_they_are() -> None:
    first, second = {"a": 1}, {"a": 1}
    budget = Budget(watched=[first, second])
    values = budget.each([first, "other", second, "other"])
    assert len(values) == 4
    reached = [budget.reached for _ in values]
    assert reached == [0, 0, 1, 1]
    assert list(budget.each(iter("ab"))) == ["a", "b"]
