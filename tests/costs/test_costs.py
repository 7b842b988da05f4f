"""What records say was spent is in the books, and with idle time it is all the time that passed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.instance_turns import InstanceTurns
from headrace.costs.costs import Costs
from headrace.generation import StepFacts
from headrace.records import BatchRecord, Record, RequestRecord, StepRecord, WorkRecord
from headrace.types import BatchFacts, ModelVersion
from tests.fakes import FakeClock
from tests.observe.make import answered, failed, hand_on

M1, S = ModelVersion("m", 1), 1_000_000_000


def batch(device_ns: int, *shares: tuple[str, str, int], model: ModelVersion = M1) -> BatchRecord:
    return BatchRecord(model, BatchFacts(1, 1, "idle", 0, 0, device_ns=device_ns), shares=shares)


def costs_of(*records: Record, per_hour: float = 0.0) -> Costs:
    costs = Costs(per_hour, FakeClock(), epoch_ns=1_700_000_000 * S)
    hand_on(records, costs)
    return costs


def test_a_batch_is_shared_by_rows_whatever_became_of_them() -> None:
    costs = costs_of(batch(4 * S, ("a", "serve", 3), ("b", "cancelled", 1)))
    told = {row["tenant"]: row["phases"] for row in costs.told("tenant")["costs"]}
    assert told == {"a": {"serve": 3.0}, "b": {"cancelled": 1.0}}


def test_a_step_is_shared_by_tokens_which_are_counted() -> None:
    costs = costs_of(StepRecord(M1, StepFacts(0.5), S, (("a", "serve", 30), ("a", "cancelled", 10))))
    (row,) = costs.told("tenant")["costs"]
    assert (row["phases"], row["tokens"]) == ({"serve": 0.75, "cancelled": 0.25}, 40)


def test_a_load_is_nobodys() -> None:
    costs = costs_of(WorkRecord(M1, 2 * S, (("", "load", 3), ("", "probe", 1))))
    (row,) = costs.told("tenant")["costs"]
    assert (row["tenant"], row["phases"]) == ("", {"load": 1.5, "probe": 0.5})


def test_requests_that_were_answered_are_counted() -> None:
    costs = costs_of(answered(), answered(), failed("queue_full"))
    (row,) = costs.told("model")["costs"]
    assert row["requests"] == 2


def test_prometheus_reads_the_same() -> None:
    costs = costs_of(batch(3600 * S, ('a"\n', "serve", 1)), per_hour=0.12)
    page = "\n".join(costs.lines())
    label = 'model="m",version="1",tenant="a\\"\\n"'
    assert f'headrace_device_seconds_total{{{label},phase="serve"}} 3600.0' in page
    assert f"headrace_cost_usd_total{{{label}}} 0.12" in page


def test_without_a_price_there_is_no_money() -> None:
    costs = costs_of(batch(S, ("a", "serve", 1)))
    assert "usd" not in "\n".join(costs.lines())
    assert not [key for key in costs.told("model") if "usd" in key or key == "per_hour"]


def test_idle_time_has_its_price_too() -> None:
    clock = FakeClock()
    costs = Costs(3600.0, clock, epoch_ns=0)
    clock.pass_ms(500)
    assert costs.told("model")["idle_usd"] == pytest.approx(0.5)
    assert costs.told("model")["since"].endswith("Z")


_STEPS = st.lists(
    st.tuples(st.sampled_from(["hand", "end", "lose", "load"]), st.integers(0, 2), st.integers(0, 5_000)), max_size=80
)


@given(_STEPS)
def test_what_is_charged_idle_and_under_way_is_all_the_time_that_passed(steps: list[tuple[str, int, int]]) -> None:
    """Three instances, loads that come and go beside them, and deaths: each moment is counted once."""
    clock, records = FakeClock(), list[Record]()
    costs = Costs(0.0, clock, epoch_ns=0)
    turns, handed, loads = InstanceTurns(3, costs.device), [0, 0, 0], list[float]()
    for what, instance, passed_ns in steps:
        clock.time_ns += passed_ns
        now_ns = clock.now_ns()
        if what == "hand" and handed[instance] < 2:
            turns.handed(instance, now_ns)
            handed[instance] += 1
        elif what in ("end", "lose") and handed[instance]:
            while handed[instance]:
                handed[instance] -= 1
                ran = what == "end" or not handed[instance]
                device_ns = turns.ended(instance, 0, now_ns, ran=ran).device_ns
                records.append(batch(device_ns, ("a", "serve", instance), ("b", "failed", 1)))
                if what == "end":
                    break
        elif what == "load":
            if loads:
                records.append(WorkRecord(M1, costs.device.ended(loads.pop(), now_ns), (("", "load", 1),)))
            else:
                loads.append(costs.device.began(now_ns))
    hand_on(records, costs)
    told = costs.told("tenant")
    charged_s = sum(row["device_s"] for row in told["costs"])
    assert charged_s + told["under_way_s"] + told["idle_s"] == pytest.approx(told["wall_s"], abs=1e-7)


def test_records_of_other_kinds_cost_nothing() -> None:
    record = answered()
    assert isinstance(record, RequestRecord)
    assert costs_of(failed("queue_full")).told("model")["costs"] == []
