"""A second graph is asked for, begun, made and taken, each once."""

from collections.abc import Callable

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.runtimes.openvino_second import TRIES, SecondGraph, is_small
from headrace.runtimes.second_room import MOST_BYTES


def test_it_is_begun_once_it_was_asked_for_often_enough_and_taken_once_it_is_there() -> None:
    begun: list[Callable[[], None]] = []
    second = SecondGraph(lambda: "graph", beside=begun.append, enough=2)
    for _ in range(2):
        second.begin()
        assert (second.taken(), begun) == (None, [])
    second.begin()
    second.begin()
    assert second.taken() is None
    for make in begun:
        make()
    assert (second.taken(), second.taken(), len(begun)) == ("graph", None, 1)


def test_where_it_cannot_be_had_there_is_none_to_take() -> None:
    def compiled() -> None:
        raise RuntimeError("no memory")

    second = SecondGraph(compiled, beside=lambda make: make(), enough=0)
    second.begin()
    assert second.taken() is None


def test_it_is_not_begun_before_it_can_be_made() -> None:
    possible: list[bool] = []
    second = SecondGraph(lambda: "graph", lambda: bool(possible), lambda make: make(), 0)
    assert second.begin()
    assert second.taken() is None
    possible.append(True)
    assert not second.begin()
    assert second.taken() == "graph"
    assert not second.begin()


def test_what_it_is_made_from_is_not_looked_for_for_ever() -> None:
    second = SecondGraph(lambda: "graph", lambda: False, lambda make: make(), 0)
    assert [second.begin() for _ in range(TRIES)] == [True] * (TRIES - 1) + [False]


@pytest.mark.parametrize(("size", "expected"), [(MOST_BYTES, True), (MOST_BYTES + 1, False)])
def test_models_of_many_bytes_do_without(size: int, expected: bool) -> None:
    held = op.constant(np.zeros(size, np.uint8))
    assert is_small(ov.Model([op.result(held)], [], "held")) is expected
