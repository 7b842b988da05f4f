"""Requests to a model with variants, with instances whose fate the test decides."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from headrace.batching.batched_model import BatchedModel
from headrace.batching.company import Company
from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.instance import Done, Work
from headrace.batching.latency import Latency
from headrace.batching.policy import Limits, Policy
from headrace.batching.row_cost import RowCost
from headrace.batching.variant_choice import HOLD_NS
from headrace.batching.varied_model import Choice, VariedModel
from headrace.batching.waiting import Waiting
from headrace.errors import InvalidRequest, ModelUnavailable, WouldBeLate
from headrace.records import BatchRecord, CancelRecord, Record, ShedRecord
from headrace.types import Backlog, Context, ModelVersion, Response
from tests.fakes import FakeClock, FakeInstance, Got, request, signature

ROW_MS = {"exact": 10.0, "quick": 2.0}
ACCURACY = {"exact": 1.0, "quick": 0.9}
VERSION = ModelVersion("m", 1)


def known(row_ms: float) -> Latency:
    """A run takes as long as two rows and each of its rows."""
    latency = Latency()
    for _ in range(8):
        for rows in (1, 2, 4):
            latency.learn(rows, 0, (2 + rows) * row_ms * 1e6)
    return latency


class TimedInstance(FakeInstance):
    """Ends each run when it is over."""

    def __init__(self, clock: FakeClock, row_ms: float) -> None:
        super().__init__()
        self._clock, self._row_ms, self._idle_ns = clock, row_ms, 0

    def run(self, work: Work, done: Done) -> None:
        super().run(work, done)
        took_ns = int((2 + work.inputs[0].shape[0]) * self._row_ms * 1e6)
        self._idle_ns = max(self._idle_ns, self._clock.now_ns()) + took_ns
        self._clock.call_at(self._idle_ns, self.finish)


class Bench:
    """A model with an exact and a quick variant, on a fake clock."""

    def __init__(self, order: Sequence[str] = ("exact", "quick"), max_queue: int = 1000) -> None:
        self.clock = FakeClock()
        self.records: list[Record] = []
        self.instances = {name: TimedInstance(self.clock, ROW_MS[name]) for name in order}
        company, choices = Company(), []
        for name, instance in self.instances.items():
            latency = known(ROW_MS[name])
            policy: Policy[Waiting] = DeadlinePolicy(Limits(4, 0, max_queue, 10_000), latency, company)
            model = BatchedModel(
                VERSION, signature(), [instance], policy, self.records.append, self.clock, variant=name
            )
            choices.append(Choice(name, ACCURACY[name], model, RowCost(latency, 4)))
        self.model = VariedModel(VERSION, choices, self.clock)

    def ask(
        self, within_ms: float | None = None, variant: str = "", min_accuracy: float = 0.0, value: float = 1.0
    ) -> Got:
        got, now_ns = Got(), self.clock.now_ns()
        deadline_ns = None if within_ms is None else now_ns + int(within_ms * 1e6)
        context = Context(now_ns, "test", deadline_ns, variant=variant, min_accuracy=min_accuracy)
        asked = msgspec.structs.replace(request([[value, value]]), context=context)
        self.cancel = self.model.submit(asked, got)
        return got

    def answered_by(self, got: Got, after_ms: float = 200) -> str:
        self.clock.pass_ms(after_ms)
        (answer,) = got.answers
        assert isinstance(answer, Response), answer
        assert answer.batch is not None
        return answer.batch.variant

    def shed(self) -> list[str]:
        return [record.reason for record in self.records if isinstance(record, ShedRecord)]


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_it_tells_what_runs_each_variant(bench: Bench) -> None:
    assert set(bench.model.signature.variant_runtimes) == {"exact", "quick"}


async def test_the_most_accurate_variant_answers_what_it_can_do_in_time(bench: Bench) -> None:
    assert bench.answered_by(bench.ask(within_ms=1000)) == "exact"
    assert bench.answered_by(bench.ask()) == "exact"


async def test_order_of_accuracy_is_not_order_of_the_file() -> None:
    bench = Bench(("quick", "exact"))
    assert bench.answered_by(bench.ask(within_ms=1000)) == "exact"


async def test_a_cheaper_one_answers_what_the_most_accurate_would_be_late_with(bench: Bench) -> None:
    assert bench.answered_by(bench.ask(within_ms=20)) == "quick"
    assert bench.shed() == []
    assert bench.model.preference.index == 0  # one is no reason to change


async def test_what_takes_too_long_with_every_variant_is_refused_once_by_the_cheapest(bench: Bench) -> None:
    got = bench.ask(within_ms=3)
    (error,) = got.answers
    assert isinstance(error, WouldBeLate)
    assert error.predicted_ms is not None
    assert error.predicted_ms < 20
    assert bench.shed() == ["predicted"]


async def test_no_variant_less_accurate_than_asked_for_answers(bench: Bench) -> None:
    assert bench.ask(within_ms=20, min_accuracy=0.95).error == "would_be_late"
    assert bench.answered_by(bench.ask(within_ms=20, min_accuracy=0.9)) == "quick"


async def test_a_variant_asked_for_by_name_answers_and_no_other(bench: Bench) -> None:
    assert bench.answered_by(bench.ask(variant="quick")) == "quick"
    assert bench.ask(within_ms=20, variant="exact").error == "would_be_late"


async def test_in_overload_newcomers_go_to_the_one_that_keeps_up_and_come_back_later(bench: Bench) -> None:
    asked = []
    for _ in range(200):  # 100/s, of which the exact one can do 66
        asked.append(bench.ask(within_ms=500))
        bench.clock.pass_ms(10)
    by = [bench.answered_by(each) for each in asked]
    assert by[0] == "exact"
    assert set(by[-50:]) == {"quick"}
    assert bench.shed() == []
    assert bench.answered_by(bench.ask(within_ms=500, min_accuracy=1.0)) == "exact"  # whatever is preferred
    bench.clock.pass_ms(5 * HOLD_NS / 1e6)
    assert bench.answered_by(bench.ask(within_ms=500)) == "exact"


async def overload(bench: Bench) -> list[Got]:
    """200 a second, of which the exact one can do 66: until a cheaper one is preferred."""
    asked = []
    while not bench.model.preference.index:
        asked.append(bench.ask(within_ms=2000))
        bench.clock.pass_ms(5)
    return asked


async def test_what_waits_when_a_cheaper_one_is_preferred_is_answered_by_it(bench: Bench) -> None:
    choosy = bench.ask(within_ms=3000, min_accuracy=0.95)
    patient = bench.ask()
    asked = await overload(bench)
    by = [bench.answered_by(each, 0 if each.answers else 1000) for each in asked]
    assert by.index("quick") < len(by) - 10  # some of them came long before
    assert bench.answered_by(choosy, 0) == bench.answered_by(patient, 0) == "exact"
    assert all(len(each.answers) == 1 for each in asked)


async def test_what_another_answers_in_its_place_can_still_be_withdrawn(bench: Bench) -> None:
    asked, leave = [], []
    while not bench.model.preference.index:
        asked.append(bench.ask(within_ms=2000))
        leave.append(bench.cancel)
        bench.clock.pass_ms(5)
    moved = next(at for at, each in enumerate(asked) if not each.answers and at > 8)
    leave[moved]()
    leave[moved]()
    bench.clock.pass_ms(1000)
    assert [at for at, each in enumerate(asked) if not each.answers] == [moved]


async def test_what_refuses_many_is_not_asked_for_a_while_though_little_is_asked(bench: Bench) -> None:
    for _ in range(4):
        bench.ask(within_ms=1000)
        assert bench.answered_by(bench.ask(within_ms=45), 50) == "quick"  # it would be in time but for the other
    assert bench.answered_by(bench.ask(within_ms=1000)) == "quick"
    bench.clock.pass_ms(HOLD_NS / 1e6)
    assert bench.answered_by(bench.ask(within_ms=1000)) == "exact"


async def test_requests_in_too_much_haste_for_the_most_accurate_change_nothing_for_others(bench: Bench) -> None:
    for _ in range(20):
        assert bench.answered_by(bench.ask(within_ms=20), 50) == "quick"
        assert bench.answered_by(bench.ask(within_ms=1000), 50) == "exact"


async def test_requests_that_nothing_could_answer_in_time_change_nothing_for_others(bench: Bench) -> None:
    for _ in range(50):
        assert bench.ask(within_ms=3).error == "would_be_late"
        bench.clock.pass_ms(50)
    assert bench.answered_by(bench.ask(within_ms=1000)) == "exact"


async def test_what_has_no_deadline_waits_for_the_most_accurate_even_in_overload(bench: Bench) -> None:
    asked = []
    for _ in range(150):
        asked.append(bench.ask())
        bench.clock.pass_ms(10)
    assert bench.answered_by(bench.ask(within_ms=500)) == "quick"
    assert {bench.answered_by(each, 1000) for each in asked} == {"exact"}


async def test_where_one_is_full_or_failing_another_answers() -> None:
    bench = Bench(max_queue=1)
    bench.ask()
    assert bench.answered_by(bench.ask()) == "quick"
    bench.instances["exact"].ready = False
    bench.instances["exact"].failure = "it dies of every start"
    assert bench.answered_by(bench.ask()) == "quick"


async def test_what_is_wrong_with_a_request_is_told_and_nobody_else_is_asked(bench: Bench) -> None:
    got = Got()
    bench.model.submit(request([[1, 2, 3]]), got)
    (error,) = got.answers
    assert isinstance(error, InvalidRequest)
    assert bench.ask(within_ms=-1).error == "deadline_exceeded"
    assert bench.shed() == ["late"]


async def test_one_that_leaves_is_withdrawn_from_the_variant_that_it_waits_for(bench: Bench) -> None:
    got = bench.ask(within_ms=20)
    bench.cancel()
    bench.clock.pass_ms(100)
    assert got.answers == []
    assert [record.stage for record in bench.records if isinstance(record, CancelRecord)] == ["queued"]
    assert not [record for record in bench.records if isinstance(record, BatchRecord)]


async def test_the_backlog_is_that_of_all_variants(bench: Bench) -> None:
    bench.ask()
    bench.ask(within_ms=20)
    assert bench.model.backlog() == Backlog(queued=2, running=0)
    bench.clock.pass_ms()
    assert bench.model.backlog() == Backlog(queued=0, running=2)


async def test_it_is_drained_once_every_variant_is(bench: Bench) -> None:
    bench.ask()
    bench.ask(within_ms=20)
    bench.clock.pass_ms()
    draining = asyncio.create_task(bench.model.drain())
    for _ in range(3):
        await asyncio.sleep(0)
    assert bench.ask().error == "model_unavailable"
    bench.clock.pass_ms(10)  # the quick one is done
    for _ in range(3):
        await asyncio.sleep(0)
    assert not draining.done()
    bench.clock.pass_ms(100)
    await draining


async def test_closing_it_closes_every_variant(bench: Bench) -> None:
    await bench.model.close()
    assert not any(instance.ready for instance in bench.instances.values())
    (error,) = bench.ask().answers
    assert isinstance(error, ModelUnavailable)


async def test_what_nobody_takes_is_no_reason_to_answer_others_less_accurately(bench: Bench) -> None:
    for _ in range(40):
        assert bench.ask(within_ms=3).error == "would_be_late"
    assert bench.model.preference.index == 0
    assert bench.answered_by(bench.ask(within_ms=1000)) == "exact"


async def test_what_names_its_variant_is_no_reason_for_others_to_have_another(bench: Bench) -> None:
    for _ in range(200):  # 100/s, of which the exact one can do 66
        bench.ask(within_ms=500, variant="exact")
        bench.clock.pass_ms(10)
    assert bench.model.preference.index == 0
