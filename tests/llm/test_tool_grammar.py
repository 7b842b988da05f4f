"""Choices of tools, enforced."""

import json
import random
from typing import Any

import jsonschema
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Grammar, ToolChoice
from headrace.llm.grammar import Grammars
from headrace.llm.tool_calls import HERMES, LLAMA, MISTRAL
from headrace.llm.tool_grammar import call_grammar
from headrace.llm.tool_parser import ToolParser
from tests.llm.following import EOS, TOKENS, follows, grammars, random_text, spelt

RULES = grammars()
REQUIRED, AUTO = ToolChoice("required"), ToolChoice("auto")
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def tool(name: str, parameters: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


TOOLS = [tool("weather", CITY), tool("time")]
WEATHER = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
TIME = '<tool_call>{"name": "time", "arguments": {}}</tool_call>'


def grammar(tools: Any, choice: ToolChoice, form: Any = HERMES) -> Grammar:
    found = call_grammar(tools, choice, form)
    assert found is not None
    return found


def test_where_anything_goes_there_is_no_grammar() -> None:
    assert call_grammar(TOOLS, AUTO, HERMES) is None
    assert call_grammar(TOOLS, ToolChoice("none"), HERMES) is None
    assert call_grammar((), REQUIRED, HERMES) is None
    assert call_grammar([tool("f", CITY, strict=True)], AUTO, LLAMA) is None


def test_required_means_a_call_and_nothing_else() -> None:
    rules = grammar(TOOLS, REQUIRED)
    assert follows(RULES, rules, WEATHER)
    assert follows(RULES, rules, f"{WEATHER}\n{TIME}")
    assert not follows(RULES, rules, "Oslo is fine.")
    assert not follows(RULES, rules, WEATHER.replace("city", "town"))
    assert not follows(RULES, rules, WEATHER.replace("weather", "news"))


def test_one_call_is_the_end_where_calls_are_not_parallel() -> None:
    rules = grammar(TOOLS, ToolChoice("required", parallel=False))
    matcher = RULES.compile(rules)
    assert matcher.accept(spelt(TIME)) == len(TIME)
    assert matcher.is_complete


def test_a_named_tool_is_the_only_one() -> None:
    rules = grammar(TOOLS, ToolChoice("named", "time"))
    assert follows(RULES, rules, TIME)
    assert not follows(RULES, rules, WEATHER)


def test_a_name_that_is_none_of_the_tools_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="none of the tools"):
        call_grammar(TOOLS, ToolChoice("named", "news"), HERMES)


def test_llamas_call_has_parameters_and_no_marks() -> None:
    rules = grammar(TOOLS, REQUIRED, LLAMA)
    call = '{"name": "weather", "parameters": {"city": "Oslo"}}'
    assert follows(RULES, rules, call)
    assert follows(RULES, rules, f"{call};{call}")
    assert not follows(RULES, rules, WEATHER)


def test_mistrals_calls_are_one_list() -> None:
    call = '{"name": "weather", "arguments": {"city": "Oslo"}}'
    rules = grammar(TOOLS, REQUIRED, MISTRAL)
    assert follows(RULES, rules, f"[TOOL_CALLS] [{call}]")
    assert follows(RULES, rules, f"[TOOL_CALLS][{call}, {call}]")
    assert not follows(RULES, rules, f"[TOOL_CALLS][{call}][TOOL_CALLS][{call}]")
    assert not follows(RULES, rules, call)
    alone = grammar(TOOLS, ToolChoice("required", parallel=False), MISTRAL)
    assert follows(RULES, alone, f"[TOOL_CALLS][{call}]")
    assert not follows(RULES, alone, f"[TOOL_CALLS][{call}, {call}]")
    strict = grammar([tool("weather", CITY, strict=True)], AUTO, MISTRAL)
    assert follows(RULES, strict, f"Let me see. [TOOL_CALLS] [{call}, {call}]")
    assert not follows(RULES, strict, f"Let me see. [TOOL_CALLS] [{call.replace('city', 'town')}]")


def test_strict_tools_bind_calls_within_free_text() -> None:
    rules = grammar([tool("weather", CITY, strict=True)], AUTO)
    assert follows(RULES, rules, "Just text, 1 < 2.")
    assert follows(RULES, rules, f"Let me see.\n{WEATHER}\nand {WEATHER}")
    assert not follows(RULES, rules, WEATHER.replace("city", "town"))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    ("form", "call"), [(HERMES, WEATHER), (MISTRAL, '[TOOL_CALLS] [{"name": "time", "arguments": {}}]')]
)
def test_where_a_form_is_asked_for_tools_are_called_or_the_answer_has_it(form: Any, call: str, strict: bool) -> None:
    tools = [tool("weather", CITY, strict=strict), tool("time")]
    schema = {"type": "object", "properties": {"degrees": {"type": "integer"}}, "required": ["degrees"]}
    for answer, text in (
        (Grammar("json_schema", json.dumps(schema)), '{"degrees": 7}'),
        (Grammar("json_object"), '{"a": []}'),
        (Grammar("choice", '["yes", "no"]'), "no"),
    ):
        rules = call_grammar(tools, AUTO, form, answer=answer)
        assert rules is not None
        assert follows(RULES, rules, call)
        assert follows(RULES, rules, text)
        assert not follows(RULES, rules, "It is warm.")
        assert not follows(RULES, rules, text + call)


def test_a_mark_that_is_a_token_of_its_own_is_that_token() -> None:
    tokens = [*TOKENS, b"<tool_call>", b"</tool_call>"]
    begin, end = len(TOKENS), len(TOKENS) + 1
    ids = {"<tool_call>": begin, "</tool_call>": end}
    rules = Grammars(tokens, frozenset((EOS, begin, end)), (EOS,))
    for choice, tools in ((REQUIRED, TOOLS), (AUTO, [tool("time", strict=True)])):
        matcher = rules.compile(call_grammar(tools, choice, HERMES, ids.get) or Grammar("regex"))
        text = [begin, *spelt('\n{"name": "time", "arguments": {}}\n'), end]
        assert matcher.accept(text) == len(text)
        assert matcher.may_end


def test_a_schema_that_cannot_be_enforced_is_refused_of_a_strict_tool_only() -> None:
    unique = {"type": "object", "properties": {"tags": {"type": "array", "uniqueItems": True}}}
    assert follows(RULES, grammar([tool("time", unique)], REQUIRED), TIME)
    with pytest.raises(InvalidRequest) as refused:
        call_grammar([tool("weather"), tool("time", unique, strict=True)], REQUIRED, HERMES)
    assert refused.value.where == "tools[1].function.parameters.properties.tags.uniqueItems"


UNENFORCEABLE = {"uniqueItems": True, "format": "path", "pattern": "^(?!x)[a-z]+$"}


@pytest.mark.parametrize("keyword", UNENFORCEABLE)
def test_of_a_tool_that_is_not_strict_all_is_kept_but_the_keyword_that_cannot_be(keyword: str) -> None:
    city = CITY["properties"]["city"] | {keyword: UNENFORCEABLE[keyword]}  # type: ignore[index]
    parameters = CITY | {"properties": {"city": city if keyword != "uniqueItems" else {"type": "string"}}}
    if keyword == "uniqueItems":
        parameters[keyword] = True
    rules = grammar([tool("weather", parameters)], REQUIRED)
    assert follows(RULES, rules, WEATHER)
    assert not follows(RULES, rules, WEATHER.replace('"Oslo"', "3"))
    assert not follows(RULES, rules, WEATHER.replace("city", "town"))
    with pytest.raises(InvalidRequest) as refused:
        call_grammar([tool("weather", parameters, strict=True)], REQUIRED, HERMES)
    assert (
        refused.value.where
        == f"tools[0].function.parameters.{'' if keyword in parameters else 'properties.city.'}{keyword}"
    )


def test_a_tool_that_is_not_strict_may_have_alternatives_that_hold_at_once() -> None:
    either = CITY | {"properties": {"city": {"oneOf": [{"type": "string", "minLength": 1}, {"type": "string"}]}}}
    assert follows(RULES, grammar([tool("weather", either)], REQUIRED), WEATHER)


def test_a_strict_tool_without_parameters_takes_none() -> None:
    rules = grammar([tool("time", strict=True)], REQUIRED)
    assert follows(RULES, rules, TIME)
    assert not follows(RULES, rules, TIME.replace("{}", '{"a": 1}'))


def test_a_tool_whose_parameters_are_left_out_takes_none_and_an_empty_schema_takes_any() -> None:
    some = TIME.replace("{}", '{"a": 1}')
    for left_out in (tool("time"), {"type": "function", "function": {"name": "time"}}):
        rules = grammar([left_out], REQUIRED)
        assert follows(RULES, rules, TIME)
        assert not follows(RULES, rules, some)
    assert follows(RULES, grammar([tool("time", {})], REQUIRED), some)


@pytest.mark.parametrize("strict", [True, False])
def test_a_call_has_no_arguments_but_those_that_are_named(strict: bool) -> None:
    named = {key: value for key, value in CITY.items() if key != "additionalProperties"}
    more = WEATHER.replace('"Oslo"', '"Oslo", "state": "no"')
    closed = grammar([tool("weather", named, strict=strict)], REQUIRED)
    assert follows(RULES, closed, WEATHER)
    assert not follows(RULES, closed, more)
    open_ = grammar([tool("weather", {**named, "additionalProperties": True}, strict=strict)], REQUIRED)
    assert follows(RULES, open_, more)


def test_references_lead_into_the_tools_own_schema() -> None:
    tree = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["children"],
        "additionalProperties": False,
    }
    union = {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}], "$defs": {"a": CITY}}
    rules = grammar([tool("tree", tree), tool("weather", union)], REQUIRED)
    assert follows(RULES, rules, TIME.replace("time", "tree").replace("{}", '{"children": [{"children": []}]}'))
    assert not follows(RULES, rules, TIME.replace("time", "tree").replace("{}", '{"children": [{}]}'))
    assert follows(RULES, rules, WEATHER)
    assert not follows(RULES, rules, TIME.replace("time", "weather").replace("{}", "null"))


@pytest.mark.parametrize("form", [HERMES, LLAMA, MISTRAL])
def test_whatever_is_written_by_the_grammar_is_read_as_calls(form: Any) -> None:
    chance, calls = random.Random(5), 0
    for _ in range(30):
        text = random_text(RULES.compile(grammar(TOOLS, REQUIRED, form)), RULES, chance)
        if text is None:
            continue
        parser = ToolParser(form, ("weather", "time"), lambda: "call")
        first, last = parser.feed(text), parser.finish()
        assert not first.text and not last.text
        for call in first.tool_calls:
            calls += 1
            jsonschema.validate(json.loads(call.arguments), CITY if call.name == "weather" else {"type": "object"})
    assert calls >= 20
