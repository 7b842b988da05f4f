"""Callers get their answers as they are; those that watch are told, and have some requests mirrored."""

import pytest

from headrace.errors import HeadraceError, Internal, InvalidRequest
from headrace.traffic.mirror import Answered, Mirror
from headrace.traffic.watch import Watch
from headrace.types import ModelRef, ModelVersion, Request
from tests.fakes import Got
from tests.traffic.watched import Versions, unversioned


class Told:
    """A watcher that has every request of version 3 mirrored to version 4."""

    tolerance = 1e-3
    patience_ns: int | None = None

    def __init__(self, share: float = 1.0) -> None:
        self.share = share
        self.routes: list[tuple[int, int, int, bool]] = []
        self.mirrors: list[Answered | None] = []

    def other(self, version: int) -> tuple[int, float] | None:
        return (4, self.share) if version == 3 else None

    def routed(self, version: int, ns: int, run_ns: int, failed: bool) -> None:
        self.routes.append((version, ns, run_ns, failed))

    def mirrored(self, answered: Answered | None) -> None:
        self.mirrors.append(answered)


class Bench(Versions):
    def __init__(self, drawn: float = 0.5, share: float = 1.0) -> None:
        super().__init__(3, 4)
        self.told, self.got = Told(share), Got()
        self.watch = Watch(self.clock, Mirror("m", self.find, self.clock, self.records.append), lambda: drawn)
        self.watch.watchers = [self.told]

    def ask(self, version: int = 3, request: Request | None = None) -> None:
        asked = request or unversioned()
        reply, self.leave = self.watch(asked, ModelVersion("m", version), self.got)
        self.there[version].submit(asked, reply)


def test_a_caller_gets_its_answer_and_the_watcher_how_long_it_took() -> None:
    bench = Bench()
    bench.ask()
    bench.clock.pass_ms(3)
    bench.there[3].answer(2.0)
    assert bench.got.arrays == {"y": [[2.0]]}
    assert bench.told.routes == [(3, 3_000_000, 6, False)]


def test_the_other_version_is_asked_only_once_the_caller_is_answered() -> None:
    bench = Bench()
    bench.ask()
    bench.clock.pass_ms(3)
    assert bench.there[4].asked == []
    bench.there[3].answer()
    bench.clock.pass_ms()
    bench.there[4].answer()
    (answered,) = bench.told.mirrors
    assert answered is not None
    assert (answered.version, answered.failed, answered.served_ns) == (4, False, 3_000_000)


def test_inputs_are_kept_whatever_becomes_of_their_memory() -> None:
    bench, memory = Bench(), bytearray(8)
    asked = unversioned()
    tensor = type(asked.inputs[0])("x", "FP32", (1, 2), memoryview(memory))
    bench.ask(request=Request("", ModelRef("m"), (tensor,)))
    memory[:] = b"\xff" * 8
    bench.there[3].answer()
    bench.clock.pass_ms()
    ((mirrored, _),) = bench.there[4].asked
    assert bytes(mirrored.inputs[0].data) == bytes(8)


@pytest.mark.parametrize(
    ("error", "routes"), [(Internal("no"), [(3, 0, 0, True)]), (InvalidRequest("your own fault"), [])]
)
def test_failures_are_told_and_the_callers_own_are_not(
    error: HeadraceError, routes: list[tuple[int, int, int, bool]]
) -> None:
    bench = Bench()
    bench.ask()
    bench.there[3].answer(error)
    bench.clock.pass_ms()
    assert (bench.told.routes, bench.there[4].asked) == (routes, [])
    assert bench.got.error == error.code


@pytest.mark.parametrize("ref", [ModelRef("m", 3), ModelRef("m", None, "stable")])
def test_requests_that_name_a_version_are_not_looked_at(ref: ModelRef) -> None:
    bench = Bench()
    bench.ask(request=Request("", ref, unversioned().inputs))
    bench.there[3].answer()
    bench.clock.pass_ms()
    assert (bench.told.routes, bench.there[4].asked) == ([], [])


def test_only_the_share_is_mirrored_that_is_asked_for() -> None:
    bench = Bench(drawn=0.3, share=0.3)
    bench.ask()
    bench.there[3].answer()
    bench.clock.pass_ms()
    assert bench.there[4].asked == []
    assert bench.told.mirrors == []


def test_what_finds_no_room_is_told() -> None:
    bench = Bench()
    bench.there[4].queued = 1
    bench.ask()
    assert bench.told.mirrors == [None]
    bench.there[3].answer()
    assert bench.got.error == ""


def test_an_answer_in_parts_is_seen_once_at_its_end() -> None:
    bench = Bench()
    bench.ask()
    bench.there[3].asked[0][1](bench.there[3].response(1.0, final=False))
    assert bench.told.routes == []
    bench.there[3].answer()
    assert len(bench.told.routes) == 1
    assert len(bench.got.answers) == 2


def test_a_watcher_that_fails_harms_no_caller(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.told.routes = None  # type: ignore[assignment]
    bench.ask()
    bench.there[3].answer()
    assert bench.got.error == ""
    assert "could not be looked at" in caplog.text


def test_a_request_that_had_nothing_for_too_long_has_failed_once_whatever_comes_then() -> None:
    bench = Bench()
    bench.ask()
    bench.clock.pass_ms(5)
    bench.watch.look()
    assert bench.told.routes == []
    bench.told.patience_ns = 4_000_000
    bench.watch.look()
    bench.watch.look()
    bench.there[3].answer(2.0)
    assert bench.told.routes == [(3, 4_000_000, 0, True)]
    assert bench.got.arrays == {"y": [[2.0]]}


@pytest.mark.parametrize(("waited_ms", "routes"), [(3, []), (4, [(3, 4_000_000, 0, True)])])
def test_a_caller_that_goes_away_says_nothing_of_a_version_but_after_waiting_too_long(
    waited_ms: int, routes: list[tuple[int, int, int, bool]]
) -> None:
    bench = Bench()
    bench.told.patience_ns = 4_000_000
    bench.ask()
    bench.clock.pass_ms(waited_ms)
    bench.leave()
    bench.clock.pass_ms(9)
    bench.watch.look()
    assert bench.told.routes == routes


def test_an_answer_that_has_begun_may_take_as_long_as_it_likes() -> None:
    bench = Bench()
    bench.told.patience_ns = 4_000_000
    bench.ask()
    bench.there[3].asked[0][1](bench.there[3].response(1.0, final=False))
    bench.clock.pass_ms(9)
    bench.watch.look()
    bench.leave()
    assert bench.told.routes == []
