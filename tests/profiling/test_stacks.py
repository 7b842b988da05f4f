"""What threads do is counted by their stacks, within bounds."""

import sys
from types import FrameType

import pytest

from headrace.profiling import stacks as module
from headrace.profiling.stacks import DEEPEST, OTHERS, Stacks


def here() -> FrameType:
    return sys._getframe()


def deep(number: int) -> FrameType:
    return deep(number - 1) if number else sys._getframe()


def test_a_stack_is_counted_for_its_thread_the_outermost_first() -> None:
    stacks = Stacks()
    for _ in range(2):
        stacks.look({1: here(), 2: here(), 3: here()}, {1: "main"}, but=3)
    assert stacks.looks == 2
    assert list(stacks.seen) == ["main", "thread 2"]
    ((stack, number),) = stacks.seen["main"].items()
    assert number == 2
    assert [frame.name for frame in stack[-2:]] == [
        "test_a_stack_is_counted_for_its_thread_the_outermost_first",
        "here",
    ]


def test_paths_tell_the_module_and_not_where_a_machine_keeps_it() -> None:
    stacks = Stacks()
    stacks.look({1: here()}, {}, but=0)
    (stack,) = stacks.seen["thread 1"]
    assert stack[-1].file == "profiling/test_stacks.py"
    assert all(not frame.file.startswith("/") for frame in stack)


def test_a_stack_without_end_is_cut() -> None:
    stacks = Stacks()
    stacks.look({1: deep(2 * DEEPEST)}, {}, but=0)
    (stack,) = stacks.seen["thread 1"]
    assert len(stack) == DEEPEST


def test_stacks_without_end_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    stacks = Stacks()
    for number in range(9):
        stacks.look({1: deep(number)}, {}, but=0)
    assert stacks.seen["thread 1"][OTHERS] == 6
