"""Requests from their arrival to their answers, with instances whose fate the test decides."""

import asyncio
from functools import partial

import msgspec
import numpy as np
import pytest

from headrace.batching.batched_model import BatchedModel
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.instance import Outcome
from headrace.batching.job import Job
from headrace.batching.policy import Limits, Policy, Refusal
from headrace.batching.waiting import Waiting
from headrace.device_time import DeviceTime
from headrace.errors import HeadraceError, InputRefused, Unavailable, WorkerLost, WouldBeLate
from headrace.generation import Detokenize
from headrace.records import BatchRecord, Record, ShedRecord
from headrace.types import Backlog, Context, ModelVersion, Response, Signature, Tensor
from tests.fakes import FakeClock, FakeInstance, Got, request, signature

LOST = Outcome(error=WorkerLost("gone"), lost=True)


class Bench:
    """A batched model on a fake clock."""

    def __init__(
        self, about: Signature | None = None, delay_ms: float = 0, max_queue: int = 100, instances: int = 1
    ) -> None:
        self.clock = FakeClock()
        self.instances = [FakeInstance() for _ in range(instances)]
        self.records: list[Record] = []
        about = about or signature()
        limits = Limits(about.batch.max_size, int(delay_ms * 1e6), max_queue, 10_000)
        version = ModelVersion("m", 1)
        self.policy: Policy[Waiting] = FixedPolicy(limits)
        self.model = BatchedModel(version, about, self.instances, self.policy, self.records.append, self.clock)
        self.instance = self.instances[0]

    def ask(self, rows: list[list[float]], deadline_ns: int | None = None) -> Got:
        got = Got()
        self.model.submit(request(rows, deadline_ns=deadline_ns), got)
        return got

    def reasons(self) -> list[tuple[str, int]]:
        batches = [record for record in self.records if isinstance(record, BatchRecord)]
        return [(record.facts.reason, record.facts.rows) for record in batches]


def _ask_once_more(bench: Bench) -> None:
    bench.ask([[3, 3]])


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_requests_of_one_round_share_a_run(bench: Bench) -> None:
    first, second = bench.ask([[1, 2]]), bench.ask([[3, 4], [5, 6]])
    bench.clock.pass_ms()
    bench.instance.finish()
    assert first.arrays == {"y": [[2, 4]]}
    assert second.arrays == {"y": [[6, 8], [10, 12]]}
    assert bench.reasons() == [("idle", 3)]


async def test_while_the_instance_is_busy_the_batch_grows(bench: Bench) -> None:
    bench.ask([[0, 0]])
    bench.clock.pass_ms()
    for _ in range(5):
        bench.ask([[1, 1]])
        bench.clock.pass_ms(1)
    while bench.instance.handed:
        bench.instance.finish()
    assert bench.reasons() == [("idle", 1), ("full", 4), ("idle", 1)]


@pytest.mark.parametrize(("infer_ms", "batches"), [(0.05, [2, 3]), (10.0, [2, 2, 1])])
async def test_where_runs_are_short_a_batch_grows_while_each_turn_brings_something(
    bench: Bench, infer_ms: float, batches: list[int]
) -> None:
    for _ in range(2):
        bench.ask([[0, 0]])
    bench.clock.pass_ms()
    bench.instance.finish(infer_ms=infer_ms)
    for _ in range(2):
        bench.ask([[1, 1]])
    bench.clock.call_soon(partial(_ask_once_more, bench))
    bench.clock.pass_ms()
    while bench.instance.handed:
        bench.instance.finish(infer_ms=infer_ms)
        bench.clock.pass_ms()
    assert [rows for _, rows in bench.reasons()] == batches


async def test_a_delay_waits_for_company() -> None:
    bench = Bench(delay_ms=5)
    bench.ask([[1, 1]])
    bench.clock.pass_ms(4)
    assert not bench.instance.handed
    bench.ask([[2, 2]])
    bench.clock.pass_ms(1)
    bench.instance.finish()
    assert bench.reasons() == [("deadline", 2)]


async def test_a_full_batch_does_not_wait_for_the_delay() -> None:
    bench = Bench(delay_ms=5)
    for _ in range(4):
        bench.ask([[1, 1]])
    bench.clock.pass_ms()
    bench.instance.finish()
    assert bench.reasons() == [("full", 4)]


async def test_a_model_that_cannot_batch_takes_one_request_at_a_time() -> None:
    bench = Bench(signature(batched=False))
    first, second = bench.ask([[1, 1]]), bench.ask([[2, 2]])
    bench.clock.pass_ms()
    bench.instance.finish()
    bench.instance.finish()
    assert (first.arrays, second.arrays) == ({"y": [[2, 2]]}, {"y": [[4, 4]]})
    assert bench.reasons() == [("full", 1), ("full", 1)]


async def test_a_full_batch_is_handed_over_in_advance_and_one_that_may_grow_is_not(bench: Bench) -> None:
    for _ in range(9):
        bench.ask([[1, 1]])
    bench.clock.pass_ms()
    assert bench.instance.running == 2
    bench.instance.finish()
    assert bench.instance.running == 1
    bench.instance.finish()
    bench.instance.finish()
    assert bench.reasons() == [("full", 4), ("full", 4), ("idle", 1)]


async def test_the_least_busy_instance_gets_the_batch() -> None:
    bench = Bench(instances=2)
    for _ in range(2):
        bench.ask([[1, 1]])
        bench.clock.pass_ms()
    assert [instance.running for instance in bench.instances] == [1, 1]


async def test_a_queue_that_is_full_refuses_and_says_when_to_come_back() -> None:
    bench = Bench(max_queue=1)
    bench.ask([[1, 1]])
    got = bench.ask([[2, 2]])
    (error,) = got.answers
    assert isinstance(error, Unavailable)
    assert (error.code, error.retry_after_s) == ("queue_full", 1)


async def test_a_faulty_request_is_answered_at_once_and_disturbs_nobody(bench: Bench) -> None:
    good = bench.ask([[1, 1]])
    assert bench.ask([[1, 1, 1]]).error == "invalid_request"
    bench.clock.pass_ms()
    bench.instance.finish()
    assert good.response


async def test_what_is_asked_of_language_models_is_refused(bench: Bench) -> None:
    got = Got()
    bench.model.submit(msgspec.structs.replace(request([[1, 1]]), ask=Detokenize((1,))), got)
    (error,) = got.answers
    assert str(error) == "model: model m/1 is not a language model"


async def test_a_cancelled_request_costs_no_run(bench: Bench) -> None:
    got = Got()
    bench.model.submit(request([[1, 1]]), got)()
    bench.clock.pass_ms()
    assert not bench.instance.handed
    assert got.answers == []
    assert bench.model.backlog() == Backlog(0, 0)


async def test_a_request_cancelled_while_it_runs_is_not_answered(bench: Bench) -> None:
    got = Got()
    cancel = bench.model.submit(request([[1, 1]]), got)
    bench.clock.pass_ms()
    cancel()
    bench.instance.finish()
    assert got.answers == []


async def test_a_deadline_that_passes_in_the_queue_is_answered_then(bench: Bench) -> None:
    bench.ask([[0, 0]])
    bench.clock.pass_ms()
    got = bench.ask([[1, 1]], deadline_ns=bench.clock.now_ns() + 3_000_000)
    bench.clock.pass_ms(2)
    assert got.answers == []
    bench.clock.pass_ms(1)
    assert got.error == "deadline_exceeded"


async def test_a_deadline_that_has_passed_is_refused_on_arrival(bench: Bench) -> None:
    assert bench.ask([[1, 1]], deadline_ns=bench.clock.now_ns()).error == "deadline_exceeded"


async def test_what_a_lost_instance_was_running_is_run_once_more_as_it_was(bench: Bench) -> None:
    first, second = bench.ask([[1, 1]]), bench.ask([[2, 2]])
    bench.clock.pass_ms()
    bench.instance.finish(LOST)
    bench.clock.pass_ms()
    bench.instance.finish()
    assert (first.arrays, second.arrays) == ({"y": [[2, 2]]}, {"y": [[4, 4]]})


async def test_a_request_that_kills_again_and_again_gets_an_error_and_its_neighbour_an_answer(bench: Bench) -> None:
    poison, innocent = bench.ask([[1, 1]]), bench.ask([[2, 2]])
    for _ in range(3):  # twice in company, then alone
        bench.clock.pass_ms()
        bench.instance.finish(LOST)
    bench.instance.finish()
    assert poison.error == "worker_lost"
    assert innocent.arrays == {"y": [[4, 4]]}


async def test_deaths_between_which_others_were_answered_cost_no_request_its_answer() -> None:
    bench = Bench(instances=2)
    unlucky = bench.ask([[1, 1]])
    bench.clock.pass_ms()
    for _ in range(4):
        lost, other = (each for each in sorted(bench.instances, key=lambda each: -each.running))
        lucky = bench.ask([[2, 2]])
        bench.clock.pass_ms()
        other.finish()
        assert lucky.response
        lost.finish(LOST)
        bench.clock.pass_ms()
    next(each for each in bench.instances if each.handed).finish()
    assert unlucky.arrays == {"y": [[2, 2]]}


async def test_a_batch_that_was_not_begun_does_not_count_as_a_try() -> None:
    bench = Bench(signature(batched=False))
    running, waiting = bench.ask([[1, 1]]), bench.ask([[2, 2]])
    bench.clock.pass_ms()
    for _ in range(2):
        bench.instance.die()
        bench.instance.come_back()
    while bench.instance.handed:
        bench.instance.finish()
    assert running.error == "worker_lost"
    assert waiting.arrays == {"y": [[4, 4]]}


async def test_of_a_batch_that_the_model_refuses_only_the_one_at_fault_is_refused(bench: Bench) -> None:
    refused = Outcome(error=InputRefused("no"))
    bad, good = bench.ask([[1, 1]]), bench.ask([[2, 2]])
    bench.clock.pass_ms()
    bench.instance.finish(refused)
    bench.clock.pass_ms()
    bench.instance.finish(refused)
    bench.instance.finish()
    assert bad.error == "input_refused"
    assert good.arrays == {"y": [[4, 4]]}


async def test_requests_whose_answers_cannot_be_told_apart_run_again_each_alone(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = bench.ask([[1, 1]]), bench.ask([[1, 1]])
    bench.clock.pass_ms()
    row = Tensor("y", "FP32", (1, 2), np.ones((1, 2), np.float32).tobytes())
    bench.instance.finish(Outcome((row,)))
    for _ in range(2):
        bench.clock.pass_ms()
        bench.instance.finish()
    assert first.arrays == second.arrays == {"y": [[2, 2]]}
    assert "run again alone" in caplog.text


async def test_an_answer_that_cannot_be_delivered_stops_nobody_elses(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(answer: Response | HeadraceError) -> None:
        raise OSError("no")

    bench.model.submit(request([[1, 1]]), broken)
    good = bench.ask([[2, 2]])
    bench.clock.pass_ms()
    bench.instance.finish()
    assert good.response
    assert "could not be delivered" in caplog.text


async def test_requests_wait_while_an_instance_restarts_and_run_when_it_is_back(bench: Bench) -> None:
    bench.instance.ready = False
    got = bench.ask([[1, 1]])
    bench.clock.pass_ms(50)
    bench.instance.come_back()
    bench.instance.finish()
    assert got.response


async def test_requests_are_refused_while_the_only_instance_keeps_failing(bench: Bench) -> None:
    bench.instance.ready = False
    bench.instance.failure = "its worker dies again and again"
    assert bench.ask([[1, 1]]).error == "model_unavailable"


async def test_what_waits_for_an_instance_that_cannot_be_made_ready_again_is_told_so(bench: Bench) -> None:
    bench.instance.ready = False
    got = bench.ask([[1, 1]])
    drained = asyncio.ensure_future(bench.model.drain())
    bench.instance.give_up("its worker does not start")
    assert got.error == "model_unavailable"
    await drained


async def test_what_waits_goes_on_waiting_while_another_instance_may_come_back() -> None:
    bench = Bench(instances=2)
    bench.instance.ready = bench.instances[1].ready = False
    got = bench.ask([[1, 1]])
    bench.instance.give_up("its worker does not start")
    assert not got.answers
    bench.instances[1].come_back()
    bench.instances[1].finish()
    assert got.response


async def test_the_batch_axis_may_be_learned_from_the_first_run() -> None:
    bench = Bench(signature(batched=False, pending=True))
    bench.ask([[1, 1]])
    bench.clock.pass_ms()
    bench.instance.finish()
    bench.instance.learned(signature())
    bench.ask([[1, 1]])
    bench.ask([[2, 2]])
    bench.clock.pass_ms()
    bench.instance.finish()
    assert bench.reasons() == [("full", 1), ("idle", 2)]


async def test_draining_answers_what_is_here_and_refuses_what_comes(bench: Bench) -> None:
    got = bench.ask([[1, 1]])
    drained = asyncio.ensure_future(bench.model.drain())
    await asyncio.sleep(0)
    assert bench.ask([[2, 2]]).error == "model_unavailable"
    bench.clock.pass_ms()
    assert not drained.done()
    bench.instance.finish()
    await drained
    assert got.response


async def test_closing_answers_what_still_waits(bench: Bench) -> None:
    got = bench.ask([[1, 1]])
    await bench.model.close()
    assert got.error == "model_unavailable"


class Knowing(FixedPolicy[Waiting]):
    """Foresees that whoever has less than 50 ms would be late."""

    def foresee(self, job: Job, now_ns: int) -> Refusal | None:
        assert job.deadline_ns is not None
        slack = job.deadline_ns - now_ns
        return Refusal("predicted", 1e9, 5e7, slack) if slack < 50_000_000 else None


async def test_who_would_be_late_whatever_it_sends_is_told_before_it_is_read(bench: Bench) -> None:
    knowing = Knowing(Limits(4, 0, 100, 10_000))
    model = BatchedModel(ModelVersion("m", 1), signature(), bench.instances, knowing, bench.records.append, bench.clock)
    now_ns = bench.clock.now_ns()
    hurried, easy = Context(now_ns, deadline_ns=now_ns + 1_000_000), Context(now_ns, deadline_ns=now_ns + 90_000_000)
    assert model.foresee(hurried) is None  # nothing runs or waits: it may as well be read
    model.submit(request([[1, 1]]), Got())
    assert model.foresee(easy) is None
    assert model.foresee(Context(now_ns)) is None
    refused = model.foresee(hurried)
    assert isinstance(refused, WouldBeLate)
    assert bench.records == [ShedRecord(ModelVersion("m", 1), "", "predicted", 50_000_000, 1_000_000)]


async def test_each_answer_has_its_rows_part_of_the_devices_time(bench: Bench) -> None:
    one, three = bench.ask([[1, 2]]), bench.ask([[3, 4], [5, 6], [7, 8]])
    bench.clock.pass_ms()
    bench.clock.pass_ms(8)
    bench.instance.finish()
    assert [each.response.device_ns for each in (one, three)] == [2_000_000, 6_000_000]
    (record,) = [record for record in bench.records if isinstance(record, BatchRecord)]
    assert (record.facts.device_ns, record.shares) == (8_000_000, (("", "serve", 4),))


async def test_a_models_runs_share_the_device_with_what_runs_beside_it(bench: Bench) -> None:
    device = DeviceTime()
    bench.model.runs_on(device)
    got = bench.ask([[1, 2]])
    bench.clock.pass_ms()
    device.began(bench.clock.now_ns())
    bench.clock.pass_ms(8)
    bench.instance.finish()
    assert got.response.device_ns == 4_000_000
