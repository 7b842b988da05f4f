"""One token alone comes to be computed by a graph of its own, on the same cache."""

from collections.abc import Callable
from unittest.mock import Mock

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.graphs.linear import Precision
from headrace.runtimes.openvino_lone import MOST_BYTES, TRIALS, TRIES, Lone, for_one_token, is_worth_it
from tests.graphs.tiny import tokens
from tests.runtimes.paging import graph, language, options, step

TEXT = [int(token) for token in tokens(64)]
INT8 = Precision("int8", "int8")


@pytest.mark.parametrize("name", ["llama", "gemma3", "gemma2"])
def test_a_token_alone_has_the_logits_that_it_has_in_company(name: str) -> None:
    model = language(name, exact=False, alone=True)
    step(model, (TEXT[:40], 0, [1, 2]))
    together = step(model, ([7], 40, [1, 2]), (TEXT[:9], 0, [3]))[0]
    assert np.abs(step(model, ([7], 40, [1, 2]))[0] - together).max() < 1e-4
    assert model._lone is not None and model._running is model._lone


def test_what_a_token_alone_leaves_in_the_cache_is_read_in_company() -> None:
    model = language(exact=False, alone=True)
    step(model, (TEXT[:40], 0, [1, 2]))
    expected = step(model, (TEXT[40:42], 40, [1, 2]))[0]
    step(model, (TEXT[40:41], 40, [1, 2]))
    assert np.abs(step(model, (TEXT[41:42], 41, [1, 2]), (TEXT[:9], 0, [3]))[0] - expected).max() < 1e-4


def test_steps_of_other_numbers_of_tokens_and_rows_have_the_other_graph() -> None:
    model = language(exact=False, alone=True)
    assert step(model, (TEXT[:40], 0, [1, 2])).shape == (1, 128)
    assert step(model, ([7], 40, [1, 2])).shape == (1, 128)
    assert step(model, ([7], 40, [1, 2]), rows=[]).shape == (0, 128)
    assert step(model, *[([7], 40, [1, 2])] * 3).shape == (3, 128)


@pytest.mark.parametrize("kv_precision", ["f32", "u8"])
def test_where_bits_must_be_the_same_it_is_used_once_it_has_given_them(kv_precision: str) -> None:
    model = language(precision=INT8, kv_precision=kv_precision, alone=True)
    step(model, (TEXT[:40], 0, [1, 2]))
    together = step(model, ([7], 40, [1, 2]), (TEXT[:9], 0, [3]))[0]
    for count in range(TRIALS + 1):
        assert np.array_equal(step(model, ([7], 40, [1, 2]))[0], together)
        assert (model._running is model._lone) == (count == TRIALS and model._least_rows == 1)


def test_where_bits_must_be_the_same_one_that_gives_others_is_used_no_more() -> None:
    model = language(precision=INT8, alone=True)
    model._least_rows = 1
    step(model, (TEXT[:40], 0, [1, 2]))
    expected = [step(model, ([token], 40, [1, 2]), (TEXT[:9], 0, [3]))[0] for token in (7, 8)]
    model._lone_to_come = _begun(Lone(lambda: _for_one_token(Precision()), beside=lambda make: make(), enough=0))
    found = [step(model, ([token], 40, [1, 2]))[0] for token in (7, 8)]
    assert np.array_equal(found, expected)
    assert model._lone is None


def test_one_that_fails_is_used_no_more() -> None:
    model = language(precision=INT8)
    model._lone, model._trials = Mock(start=Mock(side_effect=RuntimeError)), TRIALS
    assert step(model, ([7], 0, [1])).shape == (1, 128)
    assert model._lone is None or model._least_rows == 2


def _for_one_token(precision: Precision) -> ov.CompiledModel:
    return ov.Core().compile_model(for_one_token(graph(precision=precision)), "CPU", options("f32"))


def _begun(lone: Lone) -> Lone:
    lone.begin()
    return lone


def test_it_is_begun_once_it_was_asked_for_often_enough_and_taken_once_it_is_there() -> None:
    begun: list[Callable[[], None]] = []
    lone = Lone(lambda: "graph", beside=begun.append, enough=2)
    for _ in range(2):
        lone.begin()
        assert (lone.taken(), begun) == (None, [])
    lone.begin()
    lone.begin()
    assert lone.taken() is None
    for make in begun:
        make()
    assert (lone.taken(), lone.taken(), len(begun)) == ("graph", None, 1)


def test_where_it_cannot_be_had_there_is_none_to_take() -> None:
    def compiled() -> None:
        raise RuntimeError("no memory")

    lone = Lone(compiled, beside=lambda make: make(), enough=0)
    lone.begin()
    assert lone.taken() is None


def test_it_is_not_begun_before_it_can_be_made() -> None:
    possible: list[bool] = []
    lone = Lone(lambda: "graph", lambda: bool(possible), lambda make: make(), 0)
    assert lone.begin()
    assert lone.taken() is None
    possible.append(True)
    assert not lone.begin()
    assert lone.taken() == "graph"
    assert not lone.begin()


def test_what_it_is_made_from_is_not_looked_for_for_ever() -> None:
    lone = Lone(lambda: "graph", lambda: False, lambda make: make(), 0)
    assert [lone.begin() for _ in range(TRIES)] == [True] * (TRIES - 1) + [False]


@pytest.mark.parametrize(("size", "expected"), [(MOST_BYTES, True), (MOST_BYTES + 1, False)])
def test_models_of_many_bytes_do_without(size: int, expected: bool) -> None:
    held = op.constant(np.zeros(size, np.uint8))
    assert is_worth_it(ov.Model([op.result(held)], [], "held")) is expected
