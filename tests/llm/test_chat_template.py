"""Chat templates are compiled once and rendered within bounds."""

import gc
import weakref
from datetime import datetime
from typing import Any

import pytest

from headrace.errors import InvalidRequest
from headrace.llm.chat_template import ChatTemplate, ChatTemplates
from headrace.llm.limits import MAX_TEMPLATE_CHARACTERS, MAX_TEMPLATE_NODES

USER: dict[str, Any] = {"role": "user", "content": "Which city is the capital of France?"}
EACH = "{% for message in messages %}{{ message.role + message.content }};{% endfor %}"


class Message(dict[str, Any]):
    """One of which it can be told whether it is still there."""


def refusal(source: str, messages: list[dict[str, Any]], own: bool = True) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        ChatTemplate(source, own).render(messages)
    return refused.value


def test_a_template_is_given_messages_and_variables() -> None:
    text = ChatTemplate("{{ bos_token }}" + EACH).render([USER, USER], bos_token="<s>")
    assert text == "<s>" + "userWhich city is the capital of France?;" * 2


@pytest.mark.parametrize("name", ["self", "where", "context", "args", "environment", "a b", ""])
def test_a_variable_may_have_any_name(name: str) -> None:
    assert ChatTemplate(EACH).render([{"role": "a", "content": "b"}], "messages", **{name: 1}) == "ab;"


def test_the_names_that_a_template_asks_for_are_known() -> None:
    template = ChatTemplate("{% if tools %}{{ tools }}{% endif %}{% for m in messages %}{{ m }}{% endfor %}")
    assert template.names >= {"tools", "messages"}
    assert "m" not in template.names


def test_a_refusal_by_the_template_names_the_message_and_says_why() -> None:
    source = EACH.replace("{{", "{% if message.role == 'x' %}{{ raise_exception('no such role') }}{% endif %}{{")
    error = refusal(source, [USER, {"role": "x", "content": ""}])
    assert error.where == "messages[1]"
    assert error.message == "the model's own chat template refuses the messages: no such role"


def test_a_message_that_lacks_something_is_named() -> None:
    error = refusal(EACH, [USER, {"role": "user"}])
    assert error.where == "messages[1]"
    assert "content" in error.message


def test_a_fault_of_the_model_s_own_template_is_said_to_be_one() -> None:
    assert refusal("{% if %}", []).message.startswith("the model's own chat template is wrong in line 1: ")
    assert refusal("{{ 1 / 0 }}", [USER]).message.startswith("the model's own chat template fails: ZeroDivisionError")


@pytest.mark.parametrize(
    "source",
    [
        "{% if %}",
        "{% for x in y %}",
        "{{ 1 | no_such_filter }}",
        "{{ " + "(" * 20_000,
        "{{ " + "1+" * 20_000 + "1 }}",
        "{% for a in b %}" * 30 + "{% endfor %}" * 30,
        "x" * (MAX_TEMPLATE_CHARACTERS + 1),
        "{{ ''.__class__ }}",
        "{{ 9 ** 9 ** 9 }}{{ 'x' * 10 ** 10 }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(1) }}",
    ],
)
def test_a_request_s_own_template_that_is_wrong_or_hostile_is_refused(source: str) -> None:
    assert refusal(source, [USER], own=False).where in ("chat_template", "messages")


@pytest.mark.parametrize(
    "source",
    ["{{ " + "a < " * 15_000 + "a }}", "{{ a }}" * 4_000, "{% macro m() %}{% endmacro %}" * MAX_TEMPLATE_NODES],
)
def test_a_template_that_takes_long_to_compile_is_refused_before(source: str) -> None:
    with pytest.raises(InvalidRequest, match="at most"):
        ChatTemplate(source, own=False)


def test_a_conversation_is_not_kept_once_it_is_rendered() -> None:
    template, messages = ChatTemplate("{{ messages | length }}"), [Message(USER)]
    template.render(messages)
    there = weakref.ref(messages[0])
    del messages
    gc.collect()
    assert there() is None


def test_what_is_nested_too_deep_to_be_measured_is_refused() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = {"a": [deep]}
    with pytest.raises(InvalidRequest, match=r"messages: .* nested too deep"):
        ChatTemplate("{{ x is defined }}").render([USER], x=deep)


def test_what_a_template_says_is_not_repeated_without_end() -> None:
    assert len(refusal("{{ raise_exception('x' * 100000) }}", [USER]).message) < 1_000


def test_a_template_can_be_used_after_it_failed() -> None:
    template = ChatTemplate("{% for i in range(messages[0].n) %}{% for j in range(9999) %}{% endfor %}{% endfor %}ok")
    with pytest.raises(InvalidRequest, match="steps"):
        template.render([{"n": 9999}])
    assert template.render([{"n": 1}]) == "ok"


def test_time_is_told_by_the_given_clock() -> None:
    template = ChatTemplate("{{ strftime_now('%Y') }}", now=lambda: datetime(1999, 1, 1))
    assert template.render([]) == "1999"


def test_templates_are_compiled_once_while_they_are_used() -> None:
    templates = ChatTemplates(size=2)
    first = templates.get("a")
    templates.get("b")
    assert templates.get("a") is first
    templates.get("c")
    assert templates.get("a") is first
    assert templates.get("a", own=False) is not first
