"""A warm-up computes what the protocol allows, and teaches what steps take."""

from itertools import count

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.llm.step_time import StepTime, decode_shape
from headrace.llm.warm_up import pass_time, warm_up
from tests.fakes_language import FakeLanguage


def test_steps_of_several_kinds_are_run_and_learned_from() -> None:
    model, step_time = FakeLanguage(), StepTime()
    model.allocate(2)
    clock = count(0, 2_000_000)
    warm_up(model, step_time, lambda: next(clock))
    assert model.num_steps == 6
    assert abs(step_time.seconds(decode_shape(31)) - 0.002) < 0.0005


def test_a_slow_model_is_not_held_up_by_more_than_the_least_and_is_known_to_be_slow() -> None:
    model, step_time = FakeLanguage(), StepTime()
    model.allocate(2)
    clock = count(0, 1_000_000_000)
    warm_up(model, step_time, lambda: next(clock))
    assert model.num_steps == 3
    assert step_time.seconds(decode_shape(31)) == pytest.approx(1.0)


def test_what_the_first_steps_pay_for_once_is_not_learned() -> None:
    model, step_time = FakeLanguage(), StepTime()
    model.allocate(2)
    clock = iter([0, 0, 900_000_000, *range(900_000_000, 999_000_000, 2_000_000)])
    warm_up(model, step_time, lambda: next(clock))
    assert step_time.seconds(decode_shape(31)) == pytest.approx(0.002)


def test_the_fastest_pass_of_each_size_counts() -> None:
    class Clock:
        """Time passes in turns, slower and slower; of two readings, the second ends a pass."""

        now_ns = 0

        def __call__(self) -> int:
            self.now_ns += 1_000_000 + self.now_ns // 40
            return self.now_ns

    model = FakeLanguage()
    model.allocate(2)
    warm_up(model, StepTime())
    begun = model.num_steps
    times = pass_time(model, Clock())
    assert model.num_steps - begun > 3 * 4
    assert 0.001 < times.seconds(decode_shape(31)) < 0.0012


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_whose_logits_are_no_numbers_is_refused(value: float) -> None:
    class Broken(FakeLanguage):
        def wait(self) -> NDArray[np.float32]:
            logits = super().wait()
            logits[-1, 3] = value
            return logits

    model = Broken()
    model.allocate(2)
    with pytest.raises(ModelInvalid, match=r"^weights: give logits that are no finite numbers"):
        warm_up(model, StepTime())
