"""An objective is read as the promises that it makes, and failures are the server's or not."""

import pytest

from headrace import errors
from headrace.errors import HeadraceError
from headrace.objectives.promises import NOT_SERVED, Promise, promises
from headrace.types import Objective


def test_a_model_that_says_nothing_promises_what_the_settings_say() -> None:
    assert promises(Objective(), 0.999) == (Promise("availability", 0.999),)
    assert promises(Objective(), 0.0) == ()


def test_every_time_that_a_model_names_is_a_promise() -> None:
    made = promises(Objective(p99_ms=50.0, ttft_ms=400.0, tpot_ms=20.0, availability=0.9), 0.999)
    assert made == (
        Promise("availability", 0.9),
        Promise("p99_ms", 0.99, 50.0),
        Promise("ttft_ms", 0.99, 400.0),
        Promise("tpot_ms", 0.99, 20.0),
    )


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (errors.Internal, True),
        (errors.WorkerLost, True),
        (errors.QueueFull, True),
        (errors.WouldBeLate, True),
        (errors.DeadlineExceeded, True),
        (errors.ModelUnavailable, True),
        (errors.RateLimited, False),
        (errors.InvalidRequest, False),
        (errors.InputRefused, False),
        (errors.ModelNotFound, False),
        (errors.Cancelled, False),
        (errors.Unsupported, False),
    ],
)
def test_only_what_was_right_and_not_served_counts_as_failed(error: type[HeadraceError], counts: bool) -> None:
    assert (error.code in NOT_SERVED) is counts
