"""What the trailers of an answer say."""

from headrace.errors import QueueFull
from headrace.generation import Generated, Times, Usage
from headrace.protocols.oip.grpc_spent import Spent
from headrace.types import BatchFacts, CacheFacts, ModelVersion, Response
from tests.fakes import FakeClock

MS = 1_000_000
VERSION = ModelVersion("m", 1)
RUN = BatchFacts(2, 2, "full", 0, started_ns=3 * MS, infer_ns=4 * MS)


def test_each_request_is_told_how_long_it_waited_and_all_of_a_run_what_it_took() -> None:
    spent, answer = Spent(FakeClock()), Response(VERSION, (), RUN)
    first, alike = spent.trailers(answer, "r-1", MS)
    second, same = spent.trailers(answer, "r-2", 2 * MS)
    assert first == (("x-queue-ms", "2.000"), ("x-request-id", "r-1"))
    assert second == (("x-queue-ms", "1.000"), ("x-request-id", "r-2"))
    assert alike.metadata == [("x-compute-ms", "4.000"), ("x-batch-size", "2"), ("x-batch-reason", "full")]
    assert same is alike


def test_the_next_run_is_told_of_by_itself() -> None:
    spent = Spent(FakeClock())
    spent.trailers(Response(VERSION, (), RUN), "r-1", MS)
    _, alike = spent.trailers(Response(VERSION, (), BatchFacts(1, 1, "alone", 0, 3 * MS)), "r-2", MS)
    assert ("x-batch-size", "1") in alike.metadata


def test_costs_and_caches_are_the_requests_own() -> None:
    answer = Response(VERSION, (), RUN, cache=CacheFacts(hit=False), device_ns=1000)
    own, _ = Spent(FakeClock(), 1e-9).trailers(answer, "r-1", MS)
    assert own[1:] == (("x-cost-usd", "0.000001000000"), ("x-cache", "miss"), ("x-request-id", "r-1"))


def test_a_generation_shares_no_run() -> None:
    answer = Response(VERSION, (), None, result=Generated((), Usage(1, 1), times=Times(2 * MS, 5 * MS)))
    clock = FakeClock()
    own, alike = Spent(clock).trailers(answer, "r-1", clock.now_ns() - 9 * MS)
    assert own == (("x-queue-ms", "2.000"), ("x-compute-ms", "7.000"), ("x-request-id", "r-1"))
    assert not alike.block


def test_an_error_has_its_id_alone() -> None:
    assert Spent(FakeClock()).trailers(QueueFull("full"), "r-1", 0)[0] == (("x-request-id", "r-1"),)
