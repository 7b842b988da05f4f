"""What got worse, and when."""

import msgspec
import pytest

from headrace.changes.account import Drifted
from headrace.changes.entries import Entry
from headrace.changes.signals import drift_signals, error_signals, recovery, signals
from tests.changes.world import Load, World


def world(**load: float) -> World:
    made = World(1, {"m": Load(**load)})  # type: ignore[arg-type]
    made.run(40)
    return made


def test_slower_answers_are_a_signal_with_their_moment_and_ratio() -> None:
    made = world()
    at = made.now_s
    made.models["m"].compute_ms *= 2
    made.run(30)
    (signal,) = signals(made.changes.account("m", 3600))
    assert signal.kind == "latency"
    assert signal.at == pytest.approx(at, abs=2)
    assert signal.ratio == pytest.approx(1.9, abs=0.2)
    assert "p99 went from" in signal.what


def test_faster_answers_are_none() -> None:
    made = world()
    made.models["m"].compute_ms /= 2
    made.run(30)
    assert signals(made.changes.account("m", 3600)) == []


def test_when_it_was_over_is_told() -> None:
    made = world()
    made.models["m"].compute_ms *= 2
    made.run(30)
    made.models["m"].compute_ms /= 2
    made.run(30)
    account = made.changes.account("m", 3600)
    (signal,) = signals(account)
    assert recovery(account, signal).startswith("it fell again at ")


def test_a_tail_that_grows_alone_is_a_signal() -> None:
    made = world(spread=0.05, rate=40)
    own = made.models["m"]
    own.canary, own.share, own.canary_factor = 2, 0.2, 5.0
    made.run(40)
    (signal,) = signals(made.changes.account("m", 3600))
    assert signal.ratio > 2
    assert signal.what.startswith("p90 ")


def test_errors_are_a_signal_and_few_of_them_are_not() -> None:
    made = world()
    made.models["m"].server_errors = 0.005
    made.run(40)
    assert not list(error_signals(made.changes.account("m", 3600).own))
    made.models["m"].server_errors = 0.2
    made.run(40)
    (signal,) = error_signals(made.changes.account("m", 3600).own)
    assert signal.ratio > 10
    assert "the share of requests that fail rose" in signal.what


def test_while_a_model_is_loaded_nothing_counts() -> None:
    made = world()
    began = made.now_s
    made.slow = 3
    made.run(10)
    made.slow = 1
    account = made.changes.account("m", 3600)
    load = Entry(9, "load", "other", "1", made.now_s, "files", "", began)
    made.run(40)
    account = made.changes.account("m", 3600)
    assert signals(account)
    assert not signals(msgspec.structs.replace(account, entries=[*account.entries, load]))


def test_features_that_drift_together_are_one_signal() -> None:
    drifts = [Drifted("m", 1, "inputs", f"X[{n}]", 1000.0 + n, 20.0, 2.0 + n) for n in range(6)]
    others = [
        Drifted("m", 1, "inputs", "X[0]", 2000.0, 20.0, 2.0),
        Drifted("n", 1, "inputs", "X[0]", 1000.0, 20.0, 9.0),
    ]
    first, second = drift_signals([*drifts, *others], "m", "inputs")
    assert (first.at, first.earliest, first.ratio) == (1000.0, 980.0, 7.0)
    assert "X[0], X[1], X[2], X[3] and 2 more" in first.what
    assert second.at == 2000.0


def test_a_model_that_nobody_asked_has_no_signals() -> None:
    made = world()
    assert signals(made.changes.account("nobody", 3600)) == []
