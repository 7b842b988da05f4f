"""One token alone comes to be computed by a graph of its own, on the same cache."""

from unittest.mock import Mock

import numpy as np
import openvino as ov
import pytest

from headrace.graphs.linear import Precision
from headrace.runtimes.openvino_lone import TRIALS, for_one_token
from headrace.runtimes.openvino_second import SecondGraph
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
    model._lone_to_come = _begun(SecondGraph(lambda: _for_one_token(Precision()), beside=lambda make: make(), enough=0))
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


def _begun(lone: SecondGraph) -> SecondGraph:
    lone.begin()
    return lone
