"""A response cache on a real server: equal requests are computed once, and every view says so."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from headrace.generated import service_pb2 as pb
from tests.e2e.attack import METHOD, SECONDS, Answer, Target, message, row, tensor
from tests.e2e.conftest import ROWS, add_fake
from tests.program import ANY_PORTS, serving

pytestmark = pytest.mark.slow

SLOW = f"{ROWS}delay_ms = 300\n"
PATH = "/v2/models/kept/infer"


@pytest.fixture
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("repository")
    for name, text in (("kept", ROWS), ("slow", SLOW), ("plain", ROWS), ("words", "")):
        if name != "words":
            add_fake(folder, name, text)
            (folder / name / "model.toml").write_text("" if name == "plain" else "cache = true\n")
    (folder / "words").mkdir()
    (folder / "words" / "model.fakellm").write_text("")
    (folder / "words" / "model.toml").write_text("cache = true\n")
    with serving(folder, *ANY_PORTS) as program:
        yield Target(program)
        assert program.stop() == 0


def ask(target: Target, path: str = PATH, headers: dict[str, str] | None = None, value: float = 1) -> Answer:
    asked = {"inputs": [{**row(), "data": [value, 2]}]}
    return target.ask("POST", path, json.dumps(asked), headers or {})


def test_an_equal_request_is_answered_from_the_cache_in_every_protocol(target: Target) -> None:
    first, second = ask(target), ask(target)
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("miss", "hit")
    assert first.body == second.body
    assert int(first.headers["x-batch-size"]) == 1
    assert (second.headers["x-batch-size"], second.headers["x-batch-reason"]) == ("0", "cache")
    assert float(second.headers["x-compute-ms"]) == 0
    assert infer(target)["x-cache"] == "hit"
    assert ask(target, value=3).headers["x-cache"] == "miss"
    assert ask(target, headers={"x-tenant": "other"}).headers["x-cache"] == "miss"
    assert "x-cache" not in ask(target, "/v2/models/plain/infer").headers
    assert target.metric('nv_cache_num_hits_per_model{model="kept",version="1"}') == 2
    assert target.metric('nv_cache_num_misses_per_model{model="kept",version="1"}') == 3
    stats = json.loads(target.ask("GET", "/v2/models/kept/stats", "", {}).body)["model_stats"][0]
    assert (stats["inference_count"], stats["inference_stats"]["cache_hit"]["count"]) == (3, 2)
    config = json.loads(target.ask("GET", "/v2/models/kept/config", "", {}).body)
    assert config["response_cache"] == {"enable": True}


def test_equal_requests_at_once_cost_one_run_and_each_keeps_its_deadline(target: Target) -> None:
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(ask, target, "/v2/models/slow/infer", {"x-slo-ms": "20000"}) for _ in range(8)]
        answers = [each.result() for each in waiting]
    assert [each.status for each in answers] == [200] * 8
    assert sorted(each.headers["x-cache"] for each in answers) == ["hit"] * 7 + ["miss"]
    assert target.metric('nv_inference_exec_count{model="slow",version="1"}') == 1


def test_a_language_model_with_a_cache_is_refused_by_name(target: Target) -> None:
    index = json.loads(target.ask("POST", "/v2/repository/index", "{}", {}).body)
    (words,) = [each for each in index if each["name"] == "words"]
    assert words["state"] == "UNAVAILABLE"
    assert words["reason"].startswith("model.toml: cache: answers of a language model are not kept")


def infer(target: Target) -> dict[str, Any]:
    asked = message("kept", tensor("x", "FP32", (1, 2), fp32_contents=[1, 2]))
    with grpc.insecure_channel(target.grpc) as channel:
        call: Any = channel.unary_unary(
            METHOD + "ModelInfer", pb.ModelInferRequest.SerializeToString, pb.ModelInferResponse.FromString
        )
        _, ended = call.with_call(asked, timeout=SECONDS)
        return dict(ended.trailing_metadata())
