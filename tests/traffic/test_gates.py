"""A version like the one it replaces passes every gate; one that is not is found within seconds. In simulated time."""

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from headrace.traffic.difference import NONE, UNLIKE, Difference
from headrace.traffic.gates import ANSWERS, MIRRORED_RUNS, RUNS, Seen, breach
from headrace.traffic.plans import Gates, Rollout
from tests.traffic.rollout_model import GATES, ROLLOUT, Canary, Load, simulate

LIKE = Canary()


@pytest.mark.parametrize(
    "load", [Load(), Load(sigma=0.8, stalls=0.03), Load(fails=0.05), Load(contended=1.4, waiting_ms=50)]
)
def test_a_version_like_the_other_is_never_rolled_back(load: Load) -> None:
    assert not any(simulate(ROLLOUT, LIKE, load, seed).reason for seed in range(25))


@settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    st.integers(0, 2**32),
    st.builds(
        Load,
        st.floats(20, 200),
        st.floats(2, 100),
        st.floats(0.05, 0.8),
        st.floats(0, 0.03),
        st.floats(1, 1.4),
        st.floats(0, 100),
        st.floats(0, 0.9),
        st.floats(0, 0.2),
    ),
)
def test_no_load_has_a_version_like_the_other_rolled_back(seed: int, load: Load) -> None:
    short = msgspec.structs.replace(ROLLOUT, step_s=8.0)
    assert simulate(short, LIKE, load, seed).reason == ""


@pytest.mark.parametrize(
    ("canary", "gate"),
    [(Canary(wrong=0.05), "difference"), (Canary(slower=2.0), "p99_ratio"), (Canary(fails=0.2), "errors")],
)
def test_one_that_is_not_is_rolled_back_within_ten_seconds(canary: Canary, gate: str) -> None:
    ended = [simulate(ROLLOUT, canary, Load(), seed) for seed in range(40)]
    assert all(each.reason.startswith(f"gate {gate}: ") for each in ended)
    assert sum(each.after_s <= 10 for each in ended) >= 39


@pytest.mark.parametrize("canary", [Canary(slower=2.0), Canary(fails=0.3)])
def test_without_comparisons_it_is_found_too(canary: Canary) -> None:
    alone = msgspec.structs.replace(ROLLOUT, gates=Gates(errors=0.01, p99_ratio=1.5))
    ended = [simulate(alone, canary, Load(), seed) for seed in range(20)]
    assert all(each.reason and each.after_s <= 20 for each in ended)


def test_what_fails_in_both_breaches_no_gate() -> None:
    seen = Seen()
    for failed in [True, False] * 200:
        seen.add(of_target=True, mirrored=False, failed=failed)
        seen.add(of_target=False, mirrored=False, failed=failed)
    assert breach(ROLLOUT, seen) is None


def test_the_gate_and_its_figures_are_told() -> None:
    seen = Seen()
    for index in range(100):
        seen.add(of_target=True, mirrored=False, failed=index % 4 == 0)
        seen.add(of_target=False, mirrored=False, failed=False)
    assert str(breach(ROLLOUT, seen)) == (
        "gate errors: 25 of 100 requests failed (25.0%), more than 0.01; of version 3 0 of 100"
    )
    seen = Seen()
    for index in range(100):
        seen.add_difference(Difference(0.5, 0.5, beyond=True) if index % 10 == 0 else NONE)
    assert str(breach(ROLLOUT, seen)) == (
        "gate difference: 10 of 100 answers (10.0%) are further than 0.001 from those of version 3, more than 0.02; "
        "the largest measured difference is 0.5"
    )


def test_gates_that_are_not_asked_for_are_not_looked_at() -> None:
    seen = Seen()
    for _ in range(100):
        seen.add(of_target=True, mirrored=False, failed=True)
        seen.add_difference(UNLIKE)
    assert breach(Rollout(3, 4, (1.0,), gates=Gates()), seen) is None
    assert breach(Rollout(3, 4, (1.0,), gates=GATES), seen) is not None


def test_a_step_begins_anew_for_the_new_version_alone() -> None:
    seen = Seen()
    for of_target in (True, False):
        seen.add(of_target=of_target, mirrored=False, failed=False)
    seen.begin_step()
    assert (seen.answers, seen.routed.base.total) == (0, 1)


def test_answers_are_not_timed_against_those_of_a_version_that_has_less_to_do() -> None:
    seen = Seen()
    for _ in range(200):
        seen.add_time(ANSWERS, 90_000_000, of_target=True)
        seen.add_time(ANSWERS, 10_000_000, of_target=False)
    assert breach(Rollout(3, 4, (0.9, 1.0), gates=GATES), seen) is None
    assert str(breach(Rollout(3, 4, (0.5, 1.0), gates=GATES), seen)) == (
        "gate p99_ratio: answers' median 90.0 ms is 9.00 times 10.0 ms (195 and 200 answers), more than 1.5 times "
        "version 3's"
    )


@pytest.mark.parametrize("kind", [RUNS, MIRRORED_RUNS])
def test_runs_of_one_request_tell_at_any_share(kind: str) -> None:
    seen = Seen()
    for _ in range(200):
        seen.add_time(kind, 20_000_000, of_target=True)
        seen.add_time(kind, 10_000_000, of_target=False)
        seen.add_time(kind, 0, of_target=True)
    found = str(breach(Rollout(3, 4, (1.0,), gates=GATES), seen))
    assert found.startswith(f"gate p99_ratio: {kind} median 20.0 ms is 2.00 times 10.0 ms (195 and 200 answers)")
