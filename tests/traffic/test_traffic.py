"""Rollouts move by what is seen, go back at once where a gate is breached, and are told of."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from headrace.errors import Internal, ModelUnavailable, NotFound
from headrace.records import TrafficEvent
from headrace.servable import Cancel
from headrace.traffic.plans import Gates, Plans, Rollout, Shadow, Split
from headrace.traffic.traffic import AGAIN_NS, Traffic
from headrace.traffic.watch import Follow
from headrace.types import ModelVersion
from tests.fakes import Got
from tests.traffic.watched import Versions, unversioned

ROLLOUT = Rollout(3, 4, (0.5, 1.0), step_s=10.0, min_requests=5, gates=Gates(errors=0.01))


class Bench(Versions):
    """Also the moves: what is asked for is wished at once, or refused with `refuses`."""

    def __init__(self) -> None:
        super().__init__(3, 4)
        self.taps: dict[str, Follow] = {}
        self.halted: list[tuple[str, int]] = []
        self.plans = Plans()
        self.refuses: Exception | None = None
        self.traffic = Traffic(
            self.taps, self, self.find, lambda *halted: self.halted.append(halted), self.clock, self.records.append
        )

    def wish(self, **changed: Split | Shadow | Rollout | None) -> None:
        if self.refuses:
            raise self.refuses
        self.plans = msgspec.structs.replace(self.plans, **changed)
        self.traffic.wished("m", self.plans)

    async def split(self, name: str, split: Split | None) -> None:
        self.wish(split=split)

    async def shadow(self, name: str, shadow: Shadow | None) -> None:
        self.wish(shadow=shadow)

    async def begin(self, name: str, rollout: Rollout) -> None:
        self.wish(rollout=rollout)

    async def go_to(self, name: str, rollout: Rollout, step: int) -> None:
        self.wish(rollout=msgspec.structs.replace(rollout, step=step))

    async def finish(self, name: str, rollout: Rollout) -> None:
        self.wish(rollout=None)

    async def back(self, name: str, rollout: Rollout | None) -> None:
        self.wish(rollout=None)

    def answered(self, version: int, count: int = 1, failed: bool = False, after_ms: float = 0) -> None:
        for _ in range(count):
            servable = self.there[version]
            self.asked(version)
            self.clock.pass_ms(after_ms)
            servable.answer(Internal("no") if failed else 1.0)

    def asked(self, version: int) -> Cancel:
        """Ask a version, which does not answer yet; returns what is called where the caller goes away."""
        reply, left = self.taps["m"](unversioned(), ModelVersion("m", version), Got())
        self.there[version].submit(unversioned(), reply)
        return left

    async def passes(self, seconds: float) -> None:
        """Let time pass, and what is decided meanwhile be done."""
        for _ in range(int(seconds * 4)):
            self.clock.pass_ms(250)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def events(self) -> list[tuple[str, str]]:
        return [(event.state, event.reason) for event in self.records if isinstance(event, TrafficEvent)]

    def states(self) -> list[str]:
        return [state for state, _ in self.events()]


@pytest.fixture
async def bench() -> Bench:
    made = Bench()
    made.traffic.loaded()
    return made


async def test_a_rollout_goes_up_step_by_step_and_is_done(bench: Bench) -> None:
    await bench.traffic.roll_out("m", ROLLOUT)
    await bench.passes(11)
    assert bench.traffic.rollout_of("m").reason == "waits for answers: 0 of 5"
    bench.answered(4, 5)
    await bench.passes(1)
    assert bench.plans.rollout is not None
    assert bench.plans.rollout.share == 1.0
    bench.answered(4, 5)
    await bench.passes(11)
    assert bench.plans.rollout is None
    report = bench.traffic.rollout_of("m")
    assert (report.state, report.reason, report.share) == ("done", "every step held its gates", 1.0)
    assert bench.states() == ["started", "step", "done"]
    assert bench.taps == {}


async def test_a_version_that_never_answers_is_rolled_back_though_nothing_of_it_fails(bench: Bench) -> None:
    await bench.traffic.roll_out("m", ROLLOUT)
    bench.answered(3, 50, after_ms=2)
    for _ in range(5):
        bench.asked(4)
    await bench.passes(2)
    assert bench.traffic.rollout_of("m").state == "running"
    await bench.passes(2)
    report = bench.traffic.rollout_of("m")
    assert (report.state, report.to.failed) == ("rolled back", 5)
    assert report.reason.startswith("gate errors: 5 of 5 requests failed")


@pytest.mark.parametrize(("waited_s", "failed"), [(2, 0), (4, 5)])
async def test_where_callers_give_up_on_both_versions_alike_the_new_one_is_not_to_blame(
    bench: Bench, waited_s: float, failed: int
) -> None:
    await bench.traffic.roll_out("m", ROLLOUT)
    bench.answered(3, 50, after_ms=2)
    callers = [bench.asked(version) for version in (3, 3, 3, 3, 4) * 5]
    await bench.passes(waited_s)
    for leave in callers:
        leave()
    await bench.passes(4)
    report = bench.traffic.rollout_of("m")
    assert (report.state, report.to.failed, report.base.failed) == ("running", failed, 4 * failed)


async def test_a_breach_goes_back_at_once_and_the_event_names_the_gate_and_its_figures(bench: Bench) -> None:
    await bench.traffic.roll_out("m", ROLLOUT)
    bench.answered(3, 20)
    bench.answered(4, 10, failed=True)
    await bench.passes(0.25)
    assert (bench.halted, bench.plans.rollout) == ([("m", 4)], None)
    state, reason = bench.events()[-1]
    assert state == "rolled back"
    assert reason == (
        "from version 3 to 4, step 1: gate errors: 10 of 10 requests failed (100.0%), more than 0.01; "
        "of version 3 0 of 20"
    )
    assert bench.traffic.rollout_of("m").state == "rolled back"
    assert bench.states() == ["started", "rolled back"]


async def test_a_rollback_that_cannot_be_done_is_tried_again_and_nothing_is_given_meanwhile(bench: Bench) -> None:
    await bench.traffic.roll_out("m", ROLLOUT)
    bench.answered(3, 20)
    bench.answered(4, 10, failed=True)
    bench.refuses = ModelUnavailable("not now")
    await bench.passes(1)
    assert bench.halted == [("m", 4)]
    assert bench.traffic.rollout_of("m").share == 0.0
    bench.refuses = None
    await bench.passes(AGAIN_NS / 1e9 + 1)
    assert bench.plans.rollout is None
    assert bench.states() == ["started", "rolled back"]


async def test_a_version_that_is_gone_is_rolled_back(bench: Bench) -> None:
    await bench.traffic.roll_out("m", ROLLOUT)
    del bench.there[4]
    await bench.passes(0.25)
    assert bench.events()[-1] == ("rolled back", "from version 3 to 4, step 1: version 4 is not ready")


async def test_a_request_rolls_back(bench: Bench) -> None:
    await bench.traffic.roll_out("m", ROLLOUT)
    bench.refuses = ModelUnavailable("not now")
    with pytest.raises(ModelUnavailable):
        await bench.traffic.roll_back("m")
    assert bench.traffic.rollout_of("m").reason == ""
    bench.refuses = None
    await bench.traffic.roll_back("m")
    assert bench.events()[-1] == ("rolled back", "from version 3 to 4: a request rolled it back")


async def test_a_rollout_that_something_else_ends_is_told_of(bench: Bench) -> None:
    await bench.traffic.roll_out("m", ROLLOUT)
    bench.wish(rollout=None)
    why = "from version 3 to 4: the model was unloaded, or is another now"
    assert bench.events()[-1] == ("rolled back", why)


async def test_after_a_restart_a_rollout_goes_on_from_its_step_and_says_so() -> None:
    bench = Bench()
    bench.wish(rollout=msgspec.structs.replace(ROLLOUT, step=1))
    assert bench.events() == [
        (
            "resumed",
            "from version 3 to 4, step 2 of 2: 1 of the requests; the server started anew, and what was seen before is "
            "not counted",
        )
    ]
    bench.answered(4, 5)
    await bench.passes(11)
    assert bench.plans.rollout is not None
    bench.traffic.loaded()
    await bench.passes(0.25)
    assert bench.states() == ["resumed", "done"]


async def test_after_a_restart_that_did_not_load_the_new_version_it_is_rolled_back() -> None:
    bench = Bench()
    del bench.there[4]
    bench.wish(rollout=ROLLOUT)
    await bench.passes(5)
    assert bench.plans.rollout is not None
    bench.traffic.loaded()
    await bench.passes(0.25)
    assert bench.plans.rollout is None
    assert bench.states() == ["resumed", "rolled back"]


async def test_splits_and_shadows_are_told_and_taken_back(bench: Bench) -> None:
    await bench.traffic.split("m", Split({3: 0.9, 4: 0.1}))
    await bench.traffic.shadow("m", Shadow(4, 0.1))
    assert bench.traffic.split_of("m") == Split({3: 0.9, 4: 0.1})
    assert bench.traffic.shadow_of("m").version == "4"
    assert list(bench.taps) == ["m"]
    await bench.traffic.split("m", None)
    await bench.traffic.shadow("m", None)
    assert bench.events() == [
        ("set", "3: 0.9, 4: 0.1"),
        ("set", "0.1 of the requests"),
        ("removed", ""),
        ("removed", ""),
    ]
    assert bench.taps == {}


async def test_a_shadow_is_asked_what_was_answered(bench: Bench) -> None:
    await bench.traffic.shadow("m", Shadow(4))
    bench.answered(3)
    bench.clock.pass_ms()
    bench.there[4].answer(3.0)
    report = bench.traffic.shadow_of("m")
    assert (report.compared, report.beyond, report.max_absolute_difference) == (1, 1, 2.0)


@pytest.mark.parametrize(
    "ask", [Traffic.split_of, Traffic.shadow_of, Traffic.rollout_of], ids=lambda ask: str(ask.__name__)
)
async def test_what_there_is_none_of_is_not_found(bench: Bench, ask: Callable[[Traffic, str], object]) -> None:
    with pytest.raises(NotFound, match="model 'm' has no"):
        ask(bench.traffic, "m")


async def test_once_closed_nothing_is_decided(bench: Bench) -> None:
    await bench.traffic.roll_out("m", ROLLOUT)
    bench.answered(4, 10, failed=True)
    await bench.traffic.close()
    await bench.passes(5)
    assert bench.plans.rollout is not None
