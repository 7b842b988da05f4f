"""From a record on the bus to the collector, where the settings want it."""

from headrace.observe.sift import Sift
from headrace.observe.slow import Slow
from headrace.tracing.plan import Plan
from headrace.tracing.tracing import tracing
from tests.collector.receiver import attributes, by_name, over_http
from tests.fakes import FakeClock
from tests.observe.make import answered, generated, hand_on
from tests.tracing.make import traced


def test_requests_that_are_kept_reach_the_collector_with_their_texts() -> None:
    with over_http() as (receiver, address):
        decided = Plan("http", f"{address}/v1/traces", 0.0, True, 50)
        made = tracing(decided, {}, FakeClock(), 1_700_000_000_000_000_000)
        made.start()
        text = traced(1)
        hand_on([traced(), answered(), generated(id="r1"), text], Sift(Slow(), [made.follow]))
        made.close()
        requests = by_name(receiver.spans, "infer m")
    assert [attributes(span)["headrace.request.id"] for span in requests] == ["r0", "r1"]
    assert "gen_ai.request.model" in attributes(requests[1])
    assert made.dropped() == {"rate": 0}
