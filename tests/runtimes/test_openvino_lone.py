"""One token alone comes to be computed by a graph of its own, on the same cache."""

from collections.abc import Callable

import numpy as np
import openvino as ov
import openvino.opset15 as op
import pytest

from headrace.runtimes.openvino_lone import MOST_BYTES, Lone, is_worth_it
from tests.graphs.tiny import tokens
from tests.runtimes.paging import language, step

TEXT = [int(token) for token in tokens(64)]


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


def test_it_is_begun_once_and_taken_once_it_is_there() -> None:
    begun: list[Callable[[], None]] = []
    lone = Lone(lambda: "graph", begun.append)
    assert lone.taken() is None
    lone.begin()
    lone.begin()
    assert lone.taken() is None
    for make in begun:
        make()
    assert (lone.taken(), lone.taken(), len(begun)) == ("graph", None, 1)


def test_where_it_cannot_be_had_there_is_none_to_take() -> None:
    def compiled() -> None:
        raise RuntimeError("no memory")

    lone = Lone(compiled, lambda make: make())
    lone.begin()
    assert lone.taken() is None


@pytest.mark.parametrize(("size", "expected"), [(MOST_BYTES, True), (MOST_BYTES + 1, False)])
def test_models_of_many_bytes_do_without(size: int, expected: bool) -> None:
    held = op.constant(np.zeros(size, np.uint8))
    assert is_worth_it(ov.Model([op.result(held)], [], "held")) is expected
