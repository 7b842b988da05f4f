"""What a real server tells of costs: all of the time is told once, and answers say the same as the books."""

import http.client
import json
import re
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from onnx import ModelProto

from headrace.generated import service_pb2 as pb
from tests.e2e.attack import ROW, Target
from tests.models.onnx_models import graph, node, save, value
from tests.program import ANY_PORTS, serving

pytestmark = pytest.mark.slow

PER_HOUR = 3600.0  # a dollar a second
SLOW = (
    'delay_ms = 4\nrefuse_on = 13.0\ninputs = [{ name = "x", shape = [-1, 2] }]\n'
    'outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]\n'
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("repository")
    for name, text in {"rows/model.fake": SLOW, "words/model.fakellm": "delay_ms = 2\n"}.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    with serving(folder, *ANY_PORTS, "--set", f"cost.per_hour={PER_HOUR}") as program:
        yield Target(program)


def costs(target: Target, by: str = "tenant") -> dict[str, Any]:
    told: dict[str, Any] = json.loads(target.ask("GET", f"/v2/headrace/costs?by={by}").body)
    return told


def infer(target: Target, tenant: str, first: float = 1.0) -> float:
    """What the answer says that it cost; 0 where it was refused."""
    body = json.dumps({"inputs": [{**ROW, "data": [first, 2]}]})
    answer = target.ask("POST", "/v2/models/rows/infer", body, {"x-tenant": tenant})
    return float(answer.headers.get("x-cost-usd", 0))


def write(target: Target, tenant: str, max_tokens: int = 8) -> float:
    body = {"model": "words", "prompt": "Hello", "max_tokens": max_tokens, "ignore_eos": True}
    answer = target.ask("POST", "/v1/completions", json.dumps(body), {"x-tenant": tenant})
    assert answer.status == 200
    return float(answer.headers["x-cost-usd"])


def leave(target: Target) -> None:
    """Ask for a long text, and go."""
    connection = http.client.HTTPConnection(target.http, timeout=30)
    body = {"model": "words", "prompt": "Hello", "max_tokens": 4000, "ignore_eos": True, "stream": True}
    connection.request("POST", "/v1/completions", json.dumps(body), {"x-tenant": "gone"})
    connection.getresponse().read(64)
    connection.close()


def side_by_side(*calls: tuple[Callable[[], Any], int]) -> list[list[Any]]:
    """What each of the calls gave, each made so often in a row, all rows at once."""
    given: list[list[Any]] = [[] for _ in calls]

    def run(found: list[Any], call: Callable[[], Any], times: int) -> None:
        found.extend(call() for _ in range(times))

    threads = [threading.Thread(target=run, args=(found, *each)) for found, each in zip(given, calls, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def test_under_mixed_load_all_of_the_time_is_somebodys_or_idle(target: Target) -> None:
    side_by_side(
        (lambda: infer(target, "alice"), 60),
        (lambda: infer(target, "bob"), 60),
        (lambda: infer(target, "bob", first=13.0), 20),
        (lambda: write(target, "alice"), 10),
        (lambda: leave(target), 3),
        (lambda: target.post("/v2/repository/models/rows/load", {}), 2),
    )
    told = costs(target)
    charged_s = sum(row["device_s"] for row in told["costs"])
    assert charged_s + told["under_way_s"] + told["idle_s"] == pytest.approx(told["wall_s"], rel=0.01)
    phases = {phase for row in told["costs"] for phase in row["phases"]}
    assert {"serve", "load", "failed"} <= phases
    by_tenant = {row["tenant"]: row for row in told["costs"]}
    assert by_tenant["alice"]["requests"] >= 70
    assert by_tenant["alice"]["tokens"] > 0


def test_what_answers_say_is_what_the_books_say(target: Target) -> None:
    said = side_by_side((lambda: infer(target, "carol"), 40), (lambda: infer(target, "dave"), 40))
    generated = [write(target, "erin") for _ in range(5)]
    found = {row["tenant"]: row["usd"] for row in costs(target)["costs"]}
    for tenant, paid in (("carol", said[0]), ("dave", said[1]), ("erin", generated)):
        assert min(paid) > 0
        assert sum(paid) == pytest.approx(found[tenant], rel=0.01)


def test_answers_over_grpc_say_it_too(target: Target) -> None:
    message = pb.ModelInferRequest(model_name="rows")
    one = message.inputs.add(name="x", datatype="FP32", shape=[1, 2])
    one.contents.fp32_contents.extend([1, 2])
    with grpc.insecure_channel(target.grpc) as channel:
        stub = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelInferResponse.FromString,
        )
        _, call = stub.with_call(message, timeout=30)
    said = dict((*call.initial_metadata(), *call.trailing_metadata()))
    assert float(said["x-cost-usd"]) > 0


def test_prometheus_reads_the_same_money(target: Target) -> None:
    infer(target, "frank")
    page = target.ask("GET", "/metrics").body.decode()
    found = re.search(r'^headrace_cost_usd_total\{model="rows",version="1",tenant="frank"\} (\S+)$', page, re.MULTILINE)
    told = {row["tenant"]: row["usd"] for row in costs(target)["costs"]}
    assert found
    assert float(found[1]) == pytest.approx(told["frank"])


@pytest.mark.parametrize("query", ["by=colour", "since=5"])
def test_a_wrong_question_is_refused_by_name(target: Target, query: str) -> None:
    answer = target.ask("GET", f"/v2/headrace/costs?{query}")
    assert answer.status == 400
    assert query.partition("=")[0] in answer.error


def _burning() -> ModelProto:
    """A row times a large matrix, again and again."""
    nodes, size = [], 1024
    for number in range(12):
        nodes.append(node("MatMul", f"{'INPUT' if not number else f'h{number - 1}'} weights", f"h{number}"))
    nodes.append(node("Identity", "h11", "OUTPUT"))
    weights = {"weights": np.eye(size, dtype=np.float32)}
    return graph(nodes, [value("INPUT", "FP32", (64, size))], [value("OUTPUT", "FP32", (64, size))], weights)


def test_processor_time_is_what_the_operating_system_says(tmp_path: Path) -> None:
    """Of the server and all that it starts, by what was used once all of them have ended."""
    save(_burning(), tmp_path / "burning")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with serving(tmp_path, *ANY_PORTS) as program:
        target = Target(program)
        data = np.ones((64, 1024), np.float32).ravel().tolist()
        body = json.dumps({"inputs": [{"name": "INPUT", "shape": [64, 1024], "datatype": "FP32", "data": data}]})
        for _ in range(60):
            assert target.ask("POST", "/v2/models/burning/infer", body).status == 200
        page = target.ask("GET", "/metrics").body.decode()
        program.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = {
        process: float(seconds)
        for process, seconds in re.findall(
            r'^headrace_cpu_seconds_total\{.*process="(.*)"\} (\S+)$', page, re.MULTILINE
        )
    }
    assert sum(told.values()) == pytest.approx(used_s, rel=0.05)
    assert told["worker 0"] > 0.2 * used_s
