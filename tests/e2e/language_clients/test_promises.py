"""Times to the first token and from token to token, asked of a real model in every dialect: had, or refused."""

import http.client
import json
import re
from typing import Any

import openai
import pytest

from tests.e2e.language_clients.asked import CHAT, MESSAGES, QUESTION
from tests.program import Program

pytestmark = pytest.mark.slow

ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": CHAT, "messages": MESSAGES, "max_tokens": 4, "stream": True},
    "/v1/completions": {"model": CHAT, "prompt": QUESTION, "max_tokens": 4, "stream": True},
    "/v1/responses": {"model": CHAT, "input": QUESTION, "max_output_tokens": 4, "stream": True},
    "/v1/messages": {"model": CHAT, "messages": MESSAGES, "max_tokens": 4, "stream": True},
    "/api/chat": {"model": CHAT, "messages": MESSAGES, "options": {"num_predict": 4}},
    "/api/generate": {"model": CHAT, "prompt": QUESTION, "options": {"num_predict": 4}},
    f"/v2/models/{CHAT}/generate": {"text_input": QUESTION, "max_tokens": 4},
    f"/v2/models/{CHAT}/generate_stream": {"text_input": QUESTION, "max_tokens": 4},
}
IMPOSSIBLE = re.compile(rf'^headrace_shed_total{{model="{CHAT}",.*reason="impossible"}} (\S+)', re.MULTILINE)
KEPT = re.compile(rf'^headrace_promises_total{{model="{CHAT}",.*outcome="kept"}} (\S+)', re.MULTILINE)


def ask(program: Program, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(program.http, timeout=60)
    connection.request("POST", path, json.dumps(ASKED[path]), {"content-type": "application/json", **headers})
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def counted(program: Program, samples: re.Pattern[str]) -> float:
    """What the server's metrics say."""
    connection = http.client.HTTPConnection(program.http, timeout=60)
    connection.request("GET", "/metrics")
    page = connection.getresponse().read().decode()
    connection.close()
    return sum(float(value) for value in samples.findall(page))


@pytest.mark.parametrize("path", ASKED)
def test_what_is_easily_had_is_answered(program: Program, path: str) -> None:
    before = counted(program, KEPT)
    status, _, body = ask(program, path, {"x-slo-ttft-ms": "30000", "x-slo-tpot-ms": "10000.5"})
    assert status == 200, body
    assert b"would_be_late" not in body
    assert counted(program, KEPT) in (before + 1, before + 2)  # a single token has no pace


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("name", ["x-slo-ttft-ms", "x-slo-tpot-ms"])
def test_what_no_run_is_quick_enough_for_is_refused_once_and_for_all(program: Program, path: str, name: str) -> None:
    before = counted(program, IMPOSSIBLE)
    status, headers, body = ask(program, path, {name: "0.001"})
    assert (status, headers["x-should-retry"]) == (429, "false")
    assert headers["retry-after"] == "1"
    assert b"even alone" in body
    assert counted(program, IMPOSSIBLE) == before + 1


def test_openais_client_does_not_ask_again_for_what_it_cannot_have(program: Program) -> None:
    before = counted(program, IMPOSSIBLE)
    with (
        openai.OpenAI(base_url=f"http://{program.http}/v1", api_key="none", max_retries=3) as client,
        pytest.raises(openai.RateLimitError, match="even alone"),
    ):
        client.chat.completions.create(model=CHAT, messages=MESSAGES, extra_headers={"x-slo-tpot-ms": "0.001"})
    assert counted(program, IMPOSSIBLE) == before + 1
