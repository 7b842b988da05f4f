"""Schemas, grammars, templates and prompts that are meant to harm: refused or followed, while others go on."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from tests.e2e.attack import Target

pytestmark = pytest.mark.slow

CHAT = "/v1/chat/completions"
ANY = {"type": "string"}
UNSATISFIABLE = {"type": "integer", "minimum": 5, "maximum": 3}
ENDLESS = {
    "$ref": "#/$defs/n",
    "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"]}},
}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = ANY
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


def ask(target: Target, **more: Any) -> tuple[int, Any]:
    body = {"model": "smollm2", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4, "temperature": 0}
    answer = target.post(CHAT, body | more)
    return answer.status, json.loads(answer.body)


def schema(target: Target, value: Any) -> tuple[int, Any]:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": value}}
    return ask(target, response_format=form)


@pytest.mark.parametrize(
    "value",
    [
        7,
        {"type": "banana"},
        {"type": "object", "properties": [1]},
        UNSATISFIABLE,
        ENDLESS,
        False,
        {"$ref": "#"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/nowhere"},
        {"enum": []},
        {"type": "object", "properties": {f"p{i}": ANY for i in range(30_000)}},
        deep(101),
        {"type": "string", "pattern": "(a{1,1000}){1,1000}"},
        {"type": "string", "pattern": "("},
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_followed_is_refused_by_the_schema_s_name(target: Target, value: Any) -> None:
    status, found = schema(target, value)
    assert status == 400
    assert found["error"]["param"].startswith("response_format.json_schema.schema")


@pytest.mark.parametrize(
    "value",
    [
        deep(90),
        {"enum": [f"value{i}" for i in range(5_000)]},
        {"const": "a" * 200_000},
        {"type": "string", "minLength": 10**9},
        {"$ref": "#/$defs/n", "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}}}},
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_large_and_legal_is_followed_and_slows_nobody(target: Target, value: Any) -> None:
    with another_stream(target) as gaps:
        status, _ = schema(target, value)
    assert status == 200
    assert max(gaps) < 2.0


@pytest.mark.parametrize(
    ("form", "source"),
    [
        ("regex", "(((a{1,100}){1,100}){1,100}){1,100}"),
        ("regex", "(" * 5000 + ")" * 5000),
        ("regex", "a" * 100_000),
        ("regex", "(a)\\1"),
        ("grammar", "start: start"),
        ("grammar", 'start: "a"{1000000}'),
        ("grammar", "start: " + "(" * 3000 + '"a"' + ")" * 3000),
        ("grammar", "@@@@"),
        ("choice", []),
        ("choice", ["a"] * 100_000),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_expression_that_explodes_is_refused(target: Target, form: str, source: Any) -> None:
    status, found = ask(target, structured_outputs={form: source})
    assert status == 400
    assert found["error"]["param"].startswith("structured_outputs")


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{{ 2 ** 100000000 }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ ''|attr('__class__') }}",
        "{{ raise_exception('no ' + 'x' * 100000) }}",
        "x" * 1_000_000,
    ],
    ids=lambda template: template[:30],
)
def test_a_hostile_template_is_refused(target: Target, template: str) -> None:
    status, found = ask(target, chat_template=template)
    assert status == 400
    assert len(found["error"]["message"]) < 1000


def test_a_template_s_variables_may_have_any_name(target: Target) -> None:
    assert ask(target, chat_template_kwargs={"self": 1, "where": 2, "a b": 3})[0] == 200


@pytest.mark.parametrize("text", ["word " * 200_000, " " * 1_000_000, "\U0001f600" * 250_000, "a\u0301" * 300_000])
def test_a_megabyte_is_refused_with_its_length_and_slows_nobody(target: Target, text: str) -> None:
    with another_stream(target) as gaps:
        status, found = ask(target, messages=[{"role": "user", "content": text}])
    assert status == 400
    assert "maximum context length is 8192" in found["error"]["message"]
    assert max(gaps) < 2.0


@contextmanager
def another_stream(target: Target) -> Iterator[list[float]]:
    """Somebody else's answer while it streams; at the end, the seconds between its pieces."""
    begun, over = Event(), Event()
    gaps: list[float] = []

    def listen() -> None:
        body = {"model": "smollm2", "prompt": "Once", "max_tokens": 4000, "ignore_eos": True, "stream": True}
        with target.connect() as connection:
            data = json.dumps(body).encode()
            head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
            connection.sendall(head.encode() + data)
            while not over.is_set():
                before = time.monotonic()
                if not connection.recv(1 << 16):
                    break
                gaps.append(time.monotonic() - before)
                begun.set()

    other = Thread(target=listen)
    other.start()
    assert begun.wait(30)
    gaps.clear()
    try:
        yield gaps
    finally:
        over.set()
        other.join()
    assert gaps
