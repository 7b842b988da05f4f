"""What a real server tells of a language model's requests, and of those whose callers leave."""

import http.client
import json
import re
import time
from collections.abc import Iterator

import pytest

from tests.program import ANY_PORTS, Program, serving

pytestmark = pytest.mark.slow

WAIT_S = 30


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("repository")
    (folder / "words").mkdir()
    (folder / "words" / "model.fakellm").write_text("delay_ms = 2\n")
    (folder / "words" / "model.toml").write_text("[llm]\nmax_sequences = 2\n")
    with serving(folder, *ANY_PORTS) as made:
        yield made


def ask(program: Program, max_tokens: int, stream: bool) -> http.client.HTTPConnection:
    """A connection on which a text is asked for."""
    connection = http.client.HTTPConnection(program.http, timeout=WAIT_S)
    body = {"model": "words", "prompt": "Hello", "max_tokens": max_tokens, "ignore_eos": True, "stream": stream}
    connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
    return connection


def samples(program: Program) -> dict[str, float]:
    """The page's samples by name; those of one name added up."""
    connection = http.client.HTTPConnection(program.http, timeout=WAIT_S)
    connection.request("GET", "/metrics")
    page = connection.getresponse().read().decode()
    connection.close()
    found: dict[str, float] = {}
    for name, value in re.findall(r"^([a-z0-9_:]+)(?:\{.*\})? (\S+)$", page, re.MULTILINE):
        found[name] = found.get(name, 0) + float(value)
    return found


def once(program: Program, **wanted: float) -> dict[str, float]:
    """The samples, as soon as those of vLLM's names are as wanted."""
    for _ in range(2000):
        found = samples(program)
        if all(found[f"vllm:{name}"] == value for name, value in wanted.items()):
            return found
    raise AssertionError({name: found[f"vllm:{name}"] for name in wanted})


def test_a_generation_is_counted_once_it_ended(program: Program) -> None:
    before = samples(program)
    started = time.monotonic()
    connection = ask(program, 8, stream=False)
    assert connection.getresponse().status == 200
    took_s = time.monotonic() - started
    connection.close()
    found = samples(program)
    gained = {name: found[name] - before[name] for name in found if name in before}
    assert (gained["vllm:request_success_total"], gained["vllm:generation_tokens_total"]) == (1, 8)
    assert (gained["vllm:prompt_tokens_total"], gained["vllm:iteration_tokens_total_sum"]) == (5, 13)
    assert gained["nv_inference_exec_count"] == gained["headrace_step_duration_seconds_count"] == 8
    assert 0 < gained["vllm:time_to_first_token_seconds_sum"] < gained["vllm:e2e_request_latency_seconds_sum"] < took_s


def test_streams_that_are_dropped_leave_nothing_behind(program: Program) -> None:
    before = samples(program)
    connections = [ask(program, 4000, stream=True) for _ in range(5)]
    during = once(program, num_requests_running=2, num_requests_waiting=3)
    assert during["vllm:kv_cache_usage_perc"] > 0
    for connection in connections:
        connection.close()
    once(program, num_requests_running=0, num_requests_waiting=0, kv_cache_usage_perc=0)
    for _ in range(2000):  # the engine may know that nobody waits before the gateway has let the last of them go
        after = samples(program)
        cancelled = after["headrace_requests_cancelled_total"] - before["headrace_requests_cancelled_total"]
        if cancelled == 5:
            break
    assert cancelled == 5
    assert after["headrace_tokens_total"] > before["headrace_tokens_total"] + 4000, "most of them were saved"
    assert after["headrace_requests_in_flight"] == 0
