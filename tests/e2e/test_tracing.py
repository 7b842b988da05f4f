"""A request is followed from its client through a real server to the collector, its log and its look-up."""

import http.client
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest

from headrace.generated.service_pb2 import ModelInferRequest, ModelInferResponse
from tests.collector.receiver import Receiver, attributes, by_name, over_http
from tests.e2e.conftest import add_fake
from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

WAIT_S = 30
PARENT_ID = 0xB7AD6B7169203331
ROW = b'{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}'
CHAT = {"model": "words", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5, "ignore_eos": True}


class Watched(NamedTuple):
    """A server, its collector, and its log."""

    program: Program
    receiver: Receiver
    log: Path


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("repository")
    add_fake(folder, "rows")
    (folder / "words").mkdir()
    (folder / "words" / "model.fakellm").write_text("delay_ms = 2\n")
    log = tmp_path_factory.mktemp("log") / "headrace.log"
    with over_http() as (receiver, address):
        settings = (f"trace.endpoint={address}", "trace.ratio=0", f"log.file={log}", "log.format=json")
        flags = [flag for setting in settings for flag in ("--set", setting)]
        with serving(folder, *ANY_PORTS, *flags) as program:
            yield Watched(program, receiver, log)


def traceparent(number: int, flags: str = "01") -> str:
    return f"00-{number:032x}-{PARENT_ID:016x}-{flags}"


def ask(
    program: Program, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection(program.http, timeout=WAIT_S)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    told, content = {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    connection.close()
    return answer.status, told, json.loads(content) if content.startswith((b"{", b"[")) else content


def spans_of(receiver: Receiver, number: int, most: str) -> list[Any]:
    """The spans of a trace, once the one of that name is there."""
    for _ in range(WAIT_S * 100):
        found = [span for span in list(receiver.spans) if span.trace_id == number.to_bytes(16)]
        if by_name(found, most):
            return found
        time.sleep(0.01)
    raise AssertionError(f"no {most} came")


def hangs_together(spans: list[Any]) -> bool:
    """All of them are below the client's span."""
    known = {PARENT_ID.to_bytes(8)} | {span.span_id for span in spans}
    return all(span.parent_span_id in known for span in spans)


def test_a_trace_goes_on_over_http(watched: Watched) -> None:
    status, headers, _ = ask(watched.program, "POST", "/v2/models/rows/infer", ROW, traceparent=traceparent(1))
    assert (status, headers["x-request-id"]) == (200, f"{1:032x}")
    spans = spans_of(watched.receiver, 1, "batch")
    assert hangs_together(spans)
    assert {"infer rows", "parse", "queue", "batch", "compute", "serialise"} <= {span.name for span in spans}


def test_a_trace_goes_on_over_grpc(watched: Watched) -> None:
    request = ModelInferRequest(model_name="rows", id="g", raw_input_contents=[bytes(8)])
    request.inputs.add(name="x", datatype="FP32", shape=[1, 2])
    with grpc.insecure_channel(watched.program.grpc) as channel:
        infer = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            ModelInferRequest.SerializeToString,
            ModelInferResponse.FromString,
        )
        _, call = infer.with_call(request, metadata=(("traceparent", traceparent(2)),), timeout=WAIT_S)
    assert dict(call.trailing_metadata())["x-request-id"] == "g"
    spans = spans_of(watched.receiver, 2, "batch")
    assert hangs_together(spans)
    (request_span,) = by_name(spans, "infer rows")
    assert attributes(request_span)["headrace.protocol"] == "grpc"


@pytest.mark.parametrize(("number", "stream"), [(3, False), (4, True)])
def test_a_trace_goes_on_to_a_text(watched: Watched, number: int, stream: bool) -> None:
    body = json.dumps(CHAT | {"stream": stream}).encode()
    sent = {"traceparent": traceparent(number), "x_request_id": f"c{number}"}
    status, headers, _ = ask(watched.program, "POST", "/v1/chat/completions", body, **sent)
    assert (status, headers["x-request-id"]) == (200, f"c{number}")
    spans = spans_of(watched.receiver, number, "decode")
    assert hangs_together(spans)
    (request,) = by_name(spans, "infer words")
    assert attributes(request)["gen_ai.usage.output_tokens"] == 5
    assert by_name(spans, "prefill")


def test_a_client_that_wants_none_has_none_and_a_broken_one_is_ignored(watched: Watched) -> None:
    for sent in (traceparent(5, "00"), f"00-{6:032x}-01", traceparent(7)):
        assert ask(watched.program, "POST", "/v2/models/rows/infer", ROW, traceparent=sent)[0] == 200
    spans_of(watched.receiver, 7, "batch")  # asked last
    assert not [span for span in watched.receiver.spans if span.trace_id in (bytes(15) + b"\5", bytes(15) + b"\6")]


def test_a_request_is_found_again_in_the_look_up_and_the_log(watched: Watched) -> None:
    program, body = watched.program, b'{"id":"mine",' + ROW[1:]
    assert ask(program, "POST", "/v2/models/rows/infer", body, x_request_id="theirs")[1]["x-request-id"] == "theirs"
    for name in ("mine", "theirs"):
        status, _, told = ask(program, "GET", f"/v2/headrace/requests/{name}")
        assert (status, told["id"], told["also"], told["model"]) == (200, "theirs", "mine", "rows")
        assert told["batch"]["members"] == ["theirs"]
    assert ask(program, "GET", "/v2/headrace/requests/nothing")[0] == 404
    latest = ask(program, "GET", "/v2/headrace/requests?model=rows&limit=1")[2]["requests"]
    assert [line["id"] for line in latest] == ["theirs"]
    for _ in range(WAIT_S * 100):
        lines = [json.loads(line) for line in watched.log.read_text().splitlines()]
        found = [line for line in lines if line.get("id") == "theirs"]
        if found:
            break
        time.sleep(0.01)
    assert [(line["event"], line["also"], line["code"]) for line in found] == [("request", "mine", "ok")]


def test_the_log_is_begun_anew_on_sighup(watched: Watched) -> None:
    moved = watched.log.rename(watched.log.with_name("moved"))
    watched.program.process.send_signal(signal.SIGHUP)
    for _ in range(WAIT_S * 100):
        ask(watched.program, "POST", "/v2/models/rows/infer", ROW)
        if watched.log.exists() and watched.log.stat().st_size:
            break
        time.sleep(0.01)
    assert watched.log.read_text().startswith('{"ts":')
    assert moved.exists()


def test_a_collector_that_is_dead_changes_nothing_and_is_counted(tmp_path: Path) -> None:
    add_fake(tmp_path, "rows")
    flags = ("--set", "trace.endpoint=http://127.0.0.1:9", "--set", "trace.ratio=1")
    with serving(tmp_path, *ANY_PORTS, *flags) as program:
        for _ in range(20):
            assert ask(program, "POST", "/v2/models/rows/infer", ROW)[0] == 200
        assert program.stop() == 0


def test_all_that_prometheus_would_read_is_pushed_until_the_end(tmp_path: Path) -> None:
    add_fake(tmp_path, "rows")
    with over_http() as (receiver, address):
        flags = ("--set", f"metrics.endpoint={address}", "--set", "metrics.temporality=delta")
        with serving(tmp_path, *ANY_PORTS, *flags) as program:
            for _ in range(20):
                assert ask(program, "POST", "/v2/models/rows/infer", ROW)[0] == 200
            page = ask(program, "GET", "/metrics")[2].decode()
            assert program.stop() == 0
        families = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}
        assert families <= receiver.metrics.keys()
        points = [point for each in receiver.metrics["headrace_requests_total"] for point in each.sum.data_points]
    assert sum(each.as_int for each in points if attributes(each)["model"] == "rows") == 20


def test_pages_of_other_sites_change_nothing(watched: Watched) -> None:
    foreign = {"origin": "http://evil.example"}
    status, _, told = ask(watched.program, "POST", "/v2/headrace/log", b'{"level":"debug"}', **foreign)
    assert (status, told["code"]) == (403, "forbidden")
    assert ask(watched.program, "POST", "/v2/headrace/log", b'{"level":"debug"}', host="evil.example")[0] == 403
    assert ask(watched.program, "POST", "/v2/headrace/log", b'{"level":"info"}')[0] == 200


def samples(program: Program, name: str) -> list[str]:
    page = ask(program, "GET", "/metrics")[2].decode()
    return [line for line in page.splitlines() if line.startswith(name)]


def test_a_disk_that_is_full_changes_nothing_and_is_counted(tmp_path: Path) -> None:
    add_fake(tmp_path, "rows")
    with serving(tmp_path, *ANY_PORTS, "--set", "log.file=/dev/full") as program:
        for _ in range(20):
            assert ask(program, "POST", "/v2/models/rows/infer", ROW)[0] == 200
        for _ in range(WAIT_S * 100):
            lost = samples(program, 'headrace_telemetry_dropped_total{part="log",reason="disk"}')
            if lost and float(lost[0].split()[1]) >= 20:
                break
            time.sleep(0.01)
        assert lost
        assert program.stop() == 0
