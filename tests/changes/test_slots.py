"""Seconds of a model, as numbers."""

import numpy as np
import pytest

from headrace.changes.slots import SAMPLES, WIDTH, Of, Slots, no_slots


def slots() -> Slots:
    rows = np.zeros((3, WIDTH), np.float32)
    rows[:, Of.COUNT] = 10, 0, 20
    rows[:, Of.CLIENT_ERRORS] = 1, 0, 2
    rows[:, Of.LATE_ERRORS] = 1, 0, 0
    rows[:, Of.SAMPLE :] = np.nan
    rows[0, Of.SAMPLE : Of.SAMPLE + 2] = 1e6, 3e6
    return Slots(np.array([5, 6, 9]), rows)


def test_a_while_has_its_first_second_and_not_its_last() -> None:
    assert slots().between(5, 9).seconds.tolist() == [5, 6]


def test_errors_of_every_kind_are_a_share_of_all() -> None:
    assert slots().error_share.tolist() == pytest.approx([0.2, 0, 0.1])


def test_latencies_are_of_the_samples_that_there_are() -> None:
    assert slots().latency_ms(0.5) == pytest.approx(2.0)
    assert np.isnan(slots().between(6, 10).latency_ms(0.5))
    assert WIDTH == Of.SAMPLE + SAMPLES


def test_a_model_that_nobody_knows_has_none() -> None:
    assert len(no_slots().column(Of.COUNT)) == 0
