"""Deadlines, priorities and tenants asked of a real server: honoured, or refused by their names, in every protocol."""

import json
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from headrace.generated import service_pb2 as pb
from tests.e2e.attack import METHOD, SECONDS, Answer, Target, message, row, tensor
from tests.e2e.conftest import add_fake
from tests.program import ANY_PORTS, serving

pytestmark = pytest.mark.slow

X = tensor("x", "FP32", (1, 2), fp32_contents=[1, 2])
ASKED: dict[str, Any] = {
    "/v2/models/rows/infer": {"inputs": [row()]},
    "/v1/completions": {"model": "words", "prompt": "hi", "max_tokens": 2},
    "/api/generate": {"model": "words", "prompt": "hi", "raw": True, "options": {"num_predict": 2}, "stream": False},
    "/v2/models/words/generate": {"text_input": "hi", "max_tokens": 2},
}
ABSURD = [
    *((name, value) for name in ("x-slo-ms", "x-slo-ttft-ms", "x-slo-tpot-ms")
      for value in ("0", "-1", "nan", "inf", "soon", "", "3600001", "9" * 400)),
    *(("x-priority", value) for value in ("-1", "10", "1.5", "high")),
    *(("x-tenant", value) for value in ("", "x" * 129, "a\tb")),
    *(("x-min-accuracy", value) for value in ("-0.1", "1.1", "nan", "all")),
]  # fmt: skip


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("repository")
    add_fake(folder, "rows")
    (folder / "words").mkdir()
    (folder / "words" / "model.fakellm").write_text("delay_ms = 2\n")
    settings = ("--set", "tenants.busy.rate=0.01", "--set", "tenants.calls.rate=0.01")
    with serving(folder, *ANY_PORTS, *settings) as program:
        yield Target(program)
        assert program.stop() == 0


def post(target: Target, path: str, headers: dict[str, str], **more: object) -> Answer:
    return target.ask("POST", path, json.dumps({**ASKED[path], **more}), headers)


def infer(target: Target, *metadata: tuple[str, str], timeout_s: float = SECONDS, **fields: Any) -> Any:
    """The answer's trailers, or the error with which the call ended."""
    with grpc.insecure_channel(target.grpc) as channel:
        ask: Any = channel.unary_unary(
            METHOD + "ModelInfer", pb.ModelInferRequest.SerializeToString, pb.ModelInferResponse.FromString
        )
        try:
            _, call = ask.with_call(message("rows", X, **fields), timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            return error
        return dict(call.trailing_metadata())


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize(("name", "value"), ABSURD, ids=[f"{name}={value[:9]}" for name, value in ABSURD])
def test_an_absurd_header_is_refused_by_its_name(target: Target, path: str, name: str, value: str) -> None:
    answer = post(target, path, {name: value})
    assert answer.status == 400
    assert f"{name}: " in answer.body.decode()


@pytest.mark.parametrize(("name", "value"), [("x-slo-ms", "0"), ("x-slo-ms", "nan"), ("x-priority", "12")])
def test_absurd_metadata_is_refused_by_its_name(target: Target, name: str, value: str) -> None:
    refused = infer(target, (name, value))
    assert refused.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert refused.details().startswith(f"{name}: ")


def test_a_header_sent_twice_is_refused(target: Target) -> None:
    body = json.dumps(ASKED["/v2/models/rows/infer"])
    head = f"POST /v2/models/rows/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    answer = target.send(f"{head}X-SLO-Ms: 50\r\nx-slo-ms: 60\r\n\r\n{body}".encode())
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"x-slo-ms: is sent twice" in answer


def test_priorities_that_differ_are_refused_with_both_names(target: Target) -> None:
    over_http = post(target, "/v2/models/rows/infer", {"x-priority": "1"}, parameters={"priority": 2})
    assert (over_http.status, "x-priority" in over_http.error, "parameters.priority" in over_http.error) == (
        400,
        True,
        True,
    )
    over_grpc = infer(target, ("x-priority", "1"), parameters={"priority": pb.InferParameter(int64_param=2)})
    assert over_grpc.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert post(target, "/v1/completions", {"x-priority": "1"}, priority=2).status == 400


def test_what_is_right_is_taken_and_the_answer_says_what_it_took(target: Target) -> None:
    said = {"x-slo-ms": "30000", "x-priority": "1", "x-tenant": "alice", "x-min-accuracy": "0.5"}
    for path in ASKED:
        answer = post(target, path, said)
        assert answer.status == 200, answer.body
        assert float(answer.headers["x-queue-ms"]) >= 0
        assert float(answer.headers["x-compute-ms"]) >= 0
    tensors = post(target, "/v2/models/rows/infer", said).headers
    trailers = infer(target, *said.items())
    for told in (tensors, trailers):
        assert told["x-batch-size"] == "1"
        assert told["x-batch-reason"]
    assert "x-variant" not in tensors


def test_a_stream_says_what_it_waited(target: Target) -> None:
    answer = post(target, "/v1/completions", {"x-slo-ttft-ms": "20000"}, stream=True)
    assert answer.status == 200
    assert float(answer.headers["x-queue-ms"]) >= 0


def test_a_tenant_that_asks_too_often_is_told_when_to_come_back(target: Target) -> None:
    assert post(target, "/v2/models/rows/infer", {"x-tenant": "busy"}).status == 200
    for path in ASKED:
        answer = post(target, path, {"x-tenant": "busy"})
        assert answer.status == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 100
        assert 1 <= int(answer.headers["retry-after-ms"]) <= 100_000
    said = json.loads(post(target, "/v2/models/rows/infer", {"x-tenant": "busy"}).body)
    assert said["code"] == "rate_limited"
    assert {"predicted_ms", "deadline_ms"} <= said.keys()
    assert post(target, "/v2/models/rows/infer", {"x-tenant": "other"}).status == 200
    sample = 'headrace_shed_total{model="rows",version="1",tenant="busy",reason="rate"}'
    assert target.metric(sample) == 2


def test_over_grpc_it_is_told_with_the_details_that_clients_retry_by(target: Target) -> None:
    assert isinstance(infer(target, ("x-tenant", "calls")), dict)
    refused = infer(target, ("x-tenant", "calls"))
    assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    trailers = dict(refused.trailing_metadata())
    assert trailers["headrace-code"] == "rate_limited"
    assert b"google.rpc.RetryInfo" in trailers["grpc-status-details-bin"]
