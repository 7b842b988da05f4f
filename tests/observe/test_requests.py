"""What was asked lately is found by any of its names, within bounds."""

from typing import Any

from msgspec.structs import replace

from headrace.alike import Lot, lot_of
from headrace.observe.requests import FORGOTTEN, Requests
from headrace.observe.sift import Sift
from headrace.observe.slow import Slow
from headrace.records import BundleRecord, Record, RequestRecord
from tests.fakes import FakeClock
from tests.observe.make import MS, answered, facts, failed, generated, hand_on

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def kept(*records: Record, most: int = 10_000, clock: FakeClock | None = None) -> Requests:
    requests = Requests((clock or FakeClock()).now_ns, 1_700_000_000_000_000_000, most)
    hand_on(records, Sift(Slow(50), [requests.keep]))
    return requests


def named(id_: str, **said: Any) -> RequestRecord:
    return replace(answered(), id=id_, **said)


def test_a_request_is_found_by_each_of_its_names() -> None:
    requests = kept(named("r", also="b", trace=TRACE), named("other"))
    for name in ("r", "b", TRACE[3:35]):
        found = requests.find(name)
        assert found is not None
        assert found.id == "r"
    assert requests.find("nothing") is None
    assert requests.find("") is None


def test_of_two_that_share_an_id_the_later_is_found() -> None:
    found = kept(named("r", rows=1), named("r", rows=2)).find("r")
    assert found is not None
    assert found.rows == 2


def test_the_oldest_is_forgotten_unless_it_failed_or_was_slow() -> None:
    slow = named("slow", arrived_ns=0, finished_ns=60 * MS)
    requests = kept(named("usual"), slow, failed("internal", id="failed"), *[named("more")] * 5, most=5)
    assert [requests.find(id_) is not None for id_ in ("usual", "slow", "failed")] == [False, True, True]
    assert [line["id"] for line in requests.latest(slow_only=True)] == ["failed", "slow"]


def test_many_are_forgotten_in_steps() -> None:
    requests = kept(*[named("old")] * (3 * FORGOTTEN), most=3 * FORGOTTEN)
    steps = requests.keep(lot_of([named("new")] * (3 * FORGOTTEN)), ())
    left = [len(requests.latest(limit=10 * FORGOTTEN)) for _ in steps]
    assert left == [5 * FORGOTTEN, 4 * FORGOTTEN, 3 * FORGOTTEN]


def test_after_an_hour_one_that_failed_is_forgotten_too() -> None:
    clock = FakeClock()
    requests = kept(failed("internal", id="failed"), *[named("more")] * 5, most=5, clock=clock)
    clock.pass_ms(3_601_000)
    requests.keep(Lot(), ())
    assert requests.find("failed") is None


def test_a_waterfall_names_phases_and_whom_the_run_was_shared_with() -> None:
    run = facts(2, 2, started_ns=4_000_500)
    told = kept(named("a", batch=run), named("b", batch=run), named("c")).waterfall("a")
    assert told is not None
    assert [phase["name"] for phase in told["phases"]] == ["parse", "queue", "batch", "compute"]
    assert sorted(told["batch"]["members"]) == ["a", "b"]
    assert (told["model"], told["version"], told["code"], told["ms"]) == ("m", "1", "ok", 1.0)
    assert told["at"].startswith("2023-11-14T22:13:20.004")


def test_a_generation_is_told_with_its_tokens() -> None:
    record = RequestRecord("41", "m", 1, "http", 1, 4 * MS, 5 * MS, 270 * MS, None)
    told = kept(generated(), record).waterfall("41")
    assert told is not None
    assert [phase["name"] for phase in told["phases"]] == ["parse", "queue", "prefill", "decode"]
    assert (told["generation"]["completion_tokens"], told["generation"]["ttft_ms"]) == (11, 60.0)


def test_the_latest_come_first_and_may_be_of_one_model() -> None:
    requests = kept(named("a"), named("b", model="n"), named("c"))
    assert [line["id"] for line in requests.latest()] == ["c", "b", "a"]
    assert [line["id"] for line in requests.latest(model="n")] == ["b"]
    assert [line["id"] for line in requests.latest(limit=1)] == ["c"]


def test_those_that_were_asked_as_one_are_found_and_forgotten_with_each_other() -> None:
    bundle = BundleRecord(answered(), ["a", "b", "c"], [1, 2, 3])
    requests = kept(bundle, named("x"), named("y"), most=4)
    assert [line["id"] for line in requests.latest()] == ["y", "x", "c", "b", "a"]
    found = requests.waterfall("b")
    assert found is not None
    assert found["batch"]["members"][-3:] == ["c", "b", "a"]
    assert kept(bundle, *[named("more")] * 4, most=4).find("b") is None
