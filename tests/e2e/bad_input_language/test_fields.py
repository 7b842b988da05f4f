"""Wrong values at the fields of every dialect: each is refused in the dialect's own form, and quickly."""

import json
from typing import Any

import pytest

from tests.e2e.attack import Answer, Target

pytestmark = pytest.mark.slow

M, E = "smollm2", "minilm_text"
USER = [{"role": "user", "content": "hi"}]
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]
WIZARD = [{"role": "wizard", "content": "hi"}]
GENERATE = f"/v2/models/{M}/generate"

ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": M, "messages": USER, "max_tokens": 1},
    "/v1/completions": {"model": M, "prompt": "hi", "max_tokens": 1},
    "/v1/responses": {"model": M, "input": "hi", "max_output_tokens": 16},
    "/v1/embeddings": {"model": E, "input": "hi"},
    "/v1/rerank": {"model": E, "query": "a", "documents": ["b"]},
    "/tokenize": {"model": M, "prompt": "hi"},
    "/detokenize": {"model": M, "tokens": [1]},
    "/v1/messages": {"model": M, "messages": USER, "max_tokens": 1},
    "/api/chat": {"model": M, "messages": USER, "stream": False, "options": {"num_predict": 1}},
    "/api/generate": {"model": M, "prompt": "hi", "stream": False, "options": {"num_predict": 1}},
    "/api/embed": {"model": E, "input": "hi"},
    GENERATE: {"text_input": "hi", "max_tokens": 1},
}
"""A right body for each path."""

CHATTING: dict[str, list[Any]] = {
    "model": ["nowhere", 7, "../../etc/passwd", "a\0b"],
    "messages": [7, [], [7], WIZARD, IMAGE, [{"role": "user"}], [{"role": "user", "content": 7}]],
    "temperature": [-1, 3, "hot", 1 << 70],
    "top_p": [-0.1, 1.5, []],
    "stop": [7, [""], ["s"] * 5000, "s" * 100_000],
    "stream": ["yes", 1],
    "tools": [7, [7], [{"type": "function"}]],
}
SAMPLING: dict[str, list[Any]] = {
    "n": [0, -1, 10**9, 1.5],
    "max_tokens": [-1, 0, 1.5, "9", 1 << 70],
    "seed": [1 << 70, 1.5],
    "logit_bias": [{"49152": 1}, {"-1": 1}, {"x": 1}, {"1": 101}, [1], {str(i): 1 for i in range(2000)}],
    "allowed_token_ids": [[], [-1], [49152], ["a"], [5] * 20_000],
    "bad_words": [7, [7], [""], [" "], ["x"] * 2000, ["x" * 20_000]],
    "stop_token_ids": [[-1], [49152], ["a"], [1 << 70]],
    "repetition_penalty": [0, -1, 1e308],
    "presence_penalty": [-3, 3],
    "min_tokens": [-1, 2],
    "guided_regex": ["(", 7],
    "unheard_of": [1],
}
WRONG: dict[str, dict[str, list[Any]]] = {
    "/v1/chat/completions": CHATTING
    | SAMPLING
    | {
        "top_logprobs": [-1, 21, 1],
        "tool_choice": ["x", {"type": "function", "function": {"name": "g"}}],
        "response_format": ["x", {"type": "x"}, {"type": "json_schema"}],
        "chat_template": ["{{", "{{ ''.__class__.__mro__ }}", "{% include '/etc/passwd' %}", "{{ 'a' * 10 ** 12 }}"],
        "chat_template_kwargs": [7, {"messages": []}],
    },
    "/v1/completions": SAMPLING
    | {
        "prompt": [7, [], [[]], [-1], [49152], [1 << 70], [None], ["a"] * 1000, [5] * 8192, "word " * 9000],
        "best_of": [0, 10**9],
        "suffix": ["x"],
    },
    "/v1/responses": {
        "input": [7, [], WIZARD, [{"type": "x"}]],
        "max_output_tokens": [-1, 0, "x"],
        "previous_response_id": ["resp_nowhere", 7],
        "temperature": [-1, 3],
    },
    "/v1/embeddings": {
        "input": [7, [], [""], [-1], [1 << 70], [[99999999]], [None]],
        "dimensions": [0, -1, 10**9, "x"],
        "encoding_format": ["x", 7],
    },
    "/v1/rerank": {"documents": [7, [], [7]], "top_n": [-1, "x"], "query": [7]},
    "/tokenize": {"prompt": [7], "messages": [7, WIZARD]},
    "/detokenize": {"tokens": [7, [-1], [49152], [1 << 70], ["a"]]},
    "/v1/messages": CHATTING
    | {
        "stop": [["x"]],
        "max_tokens": [-1, 0, "x"],
        "top_k": [-1, 1.5],
        "stop_sequences": [7, [""], ["s"] * 5000],
        "system": [7, IMAGE],
        "thinking": [7, {"type": "x"}],
    },
    "/api/chat": {
        "model": CHATTING["model"],
        "messages": [7, WIZARD, [{"role": "user", "content": "hi", "images": ["AAAA"]}]],
        "format": ["x", 7],
        "options": [{"temperature": -1}, {"top_p": 2}, {"num_predict": -7}, {"repeat_penalty": 0}, {"seed": 1 << 70}],
    },
    "/api/generate": {"prompt": [7], "images": [["AAAA"]], "template": ["x"], "options": [7, {"unheard_of": 1}]},
    "/api/embed": {"input": [7, [7]], "dimensions": [-1, 10**9]},
    GENERATE: {"text_input": [7, "", "word " * 9000], "unheard_of": [1], "parameters": [7, {"top_p": 2}]},
}


@pytest.mark.parametrize("path", WRONG)
def test_a_wrong_value_is_refused_in_the_form_of_the_dialect(target: Target, path: str) -> None:
    assert target.post(path, ASKED[path]).status == 200
    taken = []
    for field, values in WRONG[path].items():
        for value in values:
            answer = target.post(path, {**ASKED[path], field: value})
            if not (answer.status in (400, 404) and is_error(path, answer)):
                taken.append((field, str(value)[:80], answer.status, answer.body[:200]))
    assert not taken


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat", "/v1/completions"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"model": "\xff"}',
        b'{"model": "\\ud800"}',
        b'{"model": NaN}',
        b'{"temperature": 1e400}',
        b'{"max_tokens": ' + b"9" * 100_000 + b"}",
        b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        '{"model": "smollm2"}'.encode("utf-16"),
    ],
    ids=lambda body: str(body[:24]),
)
def test_what_is_no_body_is_refused(target: Target, path: str, body: bytes) -> None:
    answer = target.ask("POST", path, body)
    assert answer.status == 400
    assert is_error(path, answer)


def is_error(path: str, answer: Answer) -> bool:
    """Whether it is an error as the path's dialect has it."""
    found = json.loads(answer.body)
    error = found.get("error")
    if path.startswith(("/api", "/v2")):
        return isinstance(error, str)
    if path.startswith("/v1/messages"):
        return found.get("type") == "error" and isinstance(error["message"], str) and isinstance(error["type"], str)
    return isinstance(error, dict) and {"message", "type", "param", "code"} == error.keys()
