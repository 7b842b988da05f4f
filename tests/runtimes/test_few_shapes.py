"""Rows and lengths are filled up to few steps, and nobody sees it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InputRefused
from headrace.runtimes.few_shapes import OFTEN, FewShapes, step
from headrace.runtimes.runtime import Arrays
from headrace.types import FREE, PadAxis, TensorSpec

PAD = PadAxis(1, {"ids": 0, "mask": 0}, {"states": (1,)}, "mask")


class Texts:
    """States for each token, and a sum for each row; takes rows of so many tokens at most."""

    inputs: tuple[TensorSpec, ...] = tuple(TensorSpec(name, "INT64", (FREE, FREE)) for name in ("ids", "mask"))
    outputs: tuple[TensorSpec, ...] = (TensorSpec("states", "INT64", (FREE, FREE)), TensorSpec("sum", "INT64", (FREE,)))
    platform, runtime, coarse = "fake", "fake 1", False

    def __init__(self, longest: int = 512) -> None:
        self.longest = longest
        self.seen: list[tuple[int, ...]] = []

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        ids = arrays["ids"].astype(np.int64) * arrays["mask"].astype(np.int64) if "mask" in arrays else arrays["ids"]
        self.seen.append(ids.shape)
        if ids.shape[1] > self.longest or np.any(ids == 99):
            raise InputRefused("too long, or 99")
        made = {"states": np.add(ids, ids), "sum": ids.astype(np.int64).sum(axis=1)}
        return {name: made[name] for name in outputs or made}

    def close(self) -> None: ...


def texts(rows: int, length: int, value: int = 1) -> dict[str, "np.ndarray[tuple[int, ...], np.dtype[np.generic]]"]:
    ids = np.arange(1, rows * length + 1).reshape(rows, length) % 50 + value
    return {"ids": ids, "mask": np.ones_like(ids)}


@given(st.integers(1, 100_000))
def test_a_step_is_at_most_a_quarter_more(size: int) -> None:
    assert size <= step(size) <= size * 1.25
    assert step(step(size)) == step(size)


def test_there_are_few_steps() -> None:
    assert sorted({step(size) for size in range(1, 65)}) == [
        *range(1, 9),
        10,
        12,
        14,
        16,
        20,
        24,
        28,
        32,
        40,
        48,
        56,
        64,
    ]


@given(st.integers(1, 20), st.integers(1, 80))
def test_answers_are_those_of_what_was_asked(rows: int, length: int) -> None:
    asked, plain, model = texts(rows, length), Texts(), Texts()
    found = FewShapes(model, PAD).run(asked)
    assert model.seen == [(step(rows), step(length))]
    for name, array in plain.run(asked).items():
        assert np.array_equal(found[name], array)


@pytest.mark.parametrize(("length", "run"), [(2, 2), (9, 10), (11, 11), (30, 30)])
def test_lengths_that_were_not_tried_are_neither_filled_up_nor_filled_up_to(length: int, run: int) -> None:
    pad = PadAxis(1, {"ids": 0, "mask": 0}, {"states": (1,)}, "mask", lengths=(3, 11))
    model = Texts()
    FewShapes(model, pad).run(texts(1, length))
    assert model.seen == [(1, run)]


def test_only_the_outputs_asked_for_are_computed() -> None:
    assert list(FewShapes(Texts(), PAD).run(texts(9, 9), ("sum",))) == ["sum"]


def test_a_request_without_its_mask_runs_as_it_is() -> None:
    model = Texts()
    FewShapes(model, PAD).run({"ids": texts(9, 9)["ids"]})
    assert model.seen == [(9, 9)]


def test_where_the_model_takes_no_more_it_is_asked_as_it_is_from_then_on() -> None:
    model = Texts(longest=77)
    few = FewShapes(model, PAD)
    assert few.run(texts(1, 77))["states"].shape == (1, 77)
    few.run(texts(1, 75))
    few.run(texts(1, 33))
    few.run(texts(1, 17))
    assert model.seen == [(1, 80), (1, 77), (1, 75), (1, 75), (1, 20)]


def test_a_fault_of_the_request_stays_one_and_teaches_nothing() -> None:
    model = Texts()
    few = FewShapes(model, PAD)
    with pytest.raises(InputRefused):
        few.run({"ids": np.full((1, 9), 99), "mask": np.ones((1, 9), np.int64)})
    few.run(texts(1, 9))
    assert model.seen[-1] == (1, 10)


def test_round_shapes_are_met_ahead_until_the_time_is_spent() -> None:
    model, times = Texts(), iter(range(1000))
    assert FewShapes(model, PAD).compile_ahead(4, 20, lambda: float(next(times))) == 20
    assert model.seen[:4] == [(1, 8), (1, 16), (2, 8), (1, 32)]
    assert set(model.seen[:15]) == {(rows, length) for rows in (1, 2, 4) for length in (8, 16, 32, 64, 128)}
    areas = [rows * length for rows, length in model.seen[:15]]
    assert areas == sorted(areas)
    assert all(rows == 3 or length % 3 == 0 for rows, length in model.seen[15:])


def test_what_was_not_met_is_filled_up_to_what_was_if_that_is_at_most_twice_as_large() -> None:
    model = Texts()
    few = FewShapes(model, PAD)
    for rows, length in ((4, 32), (1, 64), (3, 24), (2, 32), (1, 40), (1, 24), (5, 32)):
        few.run(texts(rows, length))
    assert model.seen[2:] == [(4, 32), (4, 32), (1, 64), (1, 24), (5, 32)]


def test_what_another_has_often_stood_in_for_is_met_itself() -> None:
    model = Texts()
    few = FewShapes(model, PAD)
    few.run(texts(4, 32))
    for _ in range(OFTEN + 1):
        few.run(texts(3, 28))
    assert model.seen[1:] == [(4, 32)] * OFTEN + [(3, 28)]
    few.run(texts(3, 26))
    assert model.seen[-1] == (3, 28)


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 70)), max_size=12))
def test_answers_are_those_of_what_was_asked_whatever_was_met(asked: list[tuple[int, int]]) -> None:
    plain, few = Texts(), FewShapes(Texts(), PAD)
    for rows, length in asked:
        request = texts(rows, length)
        found = few.run(request)
        assert all(np.array_equal(found[name], array) for name, array in plain.run(request).items())


def test_what_the_model_refuses_is_not_insisted_on_ahead() -> None:
    model = Texts(longest=4)
    assert FewShapes(model, PAD).compile_ahead(1, 1e9, lambda: 0.0) == 4
    assert {seen for seen in model.seen if seen[1] <= 4} == {(1, length) for length in range(1, 5)}
    assert [seen for seen in model.seen if seen[1] > 4] == [(1, 8), (1, 5)]
