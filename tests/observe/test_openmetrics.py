"""OpenMetrics is what who asks for it gets, and says the same under the same names."""

import asyncio

import msgspec
import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from headrace.observe.metrics import Metrics, Readings
from headrace.observe.openmetrics import CONTENT_TYPE, Exemplar, is_wanted, rewritten, with_exemplars
from headrace.observe.tally import Tally
from tests.observe.make import answered, failed, generated, hand_on, moved, ran, stepped
from tests.observe.test_metrics import metrics_of, text

OPENMETRICS = "application/openmetrics-text"
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def families_of(page: str) -> dict[str, Metric]:
    """By name, as the parser for OpenMetrics reads them."""
    return {family.name: family for family in text_string_to_metric_families(page)}  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("accept", [OPENMETRICS, PROMETHEUS, "text/plain;q=0.2, application/openmetrics-text;q=0.3"])
def test_who_prefers_it_gets_it(accept: str) -> None:
    assert is_wanted(accept)


@pytest.mark.parametrize(
    "accept",
    ["", "*/*", "text/plain", "text/html, */*", f"{OPENMETRICS};q=0", f"{OPENMETRICS};q=0.1, text/plain;q=0.9", ",;q="],
)
def test_everybody_else_gets_the_text(accept: str) -> None:
    assert not is_wanted(accept)


def test_a_weight_that_cannot_be_read_is_none() -> None:
    assert is_wanted(f"{OPENMETRICS};q=much")


def test_a_counters_head_loses_what_its_samples_keep() -> None:
    page = ["# HELP headrace_x_total X\n# TYPE headrace_x_total counter", "headrace_x_total 1"]
    assert list(rewritten(page)) == ["# HELP headrace_x X\n# TYPE headrace_x counter", "headrace_x_total 1", "# EOF"]


def test_names_of_others_stay_letter_by_letter() -> None:
    nv, vllm = "# HELP nv_a A\n# TYPE nv_a counter", "# HELP vllm:b_total B\n# TYPE vllm:b_total counter"
    assert list(rewritten([nv, vllm]))[:2] == [nv.replace("counter", "unknown"), vllm.replace("counter", "unknown")]


def test_quotes_in_a_help_text_are_escaped() -> None:
    assert next(rewritten(['# HELP a Is "ok".\n# TYPE a gauge'])) == '# HELP a Is \\"ok\\".\n# TYPE a gauge'


def test_exemplars_stand_behind_their_buckets() -> None:
    block = 'x_bucket{le="1.0"} 1\nx_bucket{le="+Inf"} 2\nx_sum 9\nx_count 2'
    told = with_exemplars(block, {1: Exemplar("ab", 8.5, 1_700_000_000_250_000_000)}).split("\n")
    assert told[1] == 'x_bucket{le="+Inf"} 2 # {trace_id="ab"} 8.5 1700000000.250'
    assert told[0] == 'x_bucket{le="1.0"} 1'


def test_a_whole_page_is_read_by_the_parser_for_it() -> None:
    loaded = [moved(), moved(model="llm"), moved(model='q"\\\n<b>')]
    metrics = metrics_of(
        *loaded, answered(), failed("queue_full"), ran(), stepped(model="llm", drafted_tokens=1), generated(model="llm")
    )
    page = text(metrics, PROMETHEUS)
    found = families_of(page)
    assert page.endswith("\n# EOF\n")
    assert found["headrace_requests"].type == "counter"
    assert {found[name].type for name in ("nv_inference_request_success", "vllm:prompt_tokens_total")} == {"unknown"}
    assert found["vllm:e2e_request_latency_seconds"].type == "histogram"
    samples = {sample.name for family in found.values() for sample in family.samples}
    assert {"headrace_requests_total", "nv_inference_request_success", "vllm:prompt_tokens_total"} <= samples


def test_both_formats_have_the_same_samples() -> None:
    metrics = metrics_of(moved(), answered(), ran(), moved(model="llm"), generated(model="llm"))

    def names(page: str) -> list[str]:
        lines = [line.rpartition(" ")[0] for line in page.splitlines() if line and line[0] != "#"]
        return [line for line in lines if not line.startswith(("process_", "nv_cpu_"))]

    assert names(text(metrics)) == names(text(metrics, OPENMETRICS))


def test_a_bucket_names_a_request_that_had_a_trace() -> None:
    tally, slow = Tally(), msgspec.structs.replace(answered(took_ns=3_000_000, finished_ns=9_000_000), trace=TRACE)
    hand_on([moved(), answered(), slow], tally)
    metrics = Metrics(tally, Readings(lambda: 0, lambda: (), lambda: 0), epoch_ns=1_700_000_000_000_000_000)
    kind, page = asyncio.run(metrics.page(OPENMETRICS))
    durations = families_of(page.decode())["headrace_request_duration_seconds"].samples
    exemplars = [sample.exemplar for sample in durations if sample.exemplar]
    assert kind == CONTENT_TYPE
    assert [(each.labels, each.value) for each in exemplars] == [({"trace_id": TRACE[3:35]}, 0.003)]
    assert exemplars[0].timestamp is not None
    assert float(exemplars[0].timestamp) == 1_700_000_000.009
    assert "trace_id" not in text(metrics)
