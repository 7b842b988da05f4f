"""Tool calls in a text that comes piece by piece."""

import json
from collections.abc import Callable, Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.generation import ToolCall, ToolChoice
from headrace.llm.tool_calls import HERMES, LLAMA, MISTRAL, ToolFormat
from headrace.llm.tool_parser import ToolParser

NAMES = ("get_weather", "get_time")
AUTO = ToolChoice()
WEATHER = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'


def ids() -> Callable[[], str]:
    numbers = count()
    return lambda: f"call_{next(numbers)}"


def read(
    pieces: Sequence[str], form: ToolFormat = HERMES, choice: ToolChoice = AUTO, cut: bool = False
) -> tuple[str, list[ToolCall]]:
    """All text, and the calls put together from their pieces."""
    parser = ToolParser(form, NAMES, ids(), choice)
    parsed = [*(parser.feed(piece) for piece in pieces), parser.finish(cut)]
    calls: list[ToolCall] = []
    for piece in (call for news in parsed for call in news.tool_calls):
        if piece.name:
            assert piece.id and piece.index == len(calls)
            calls.append(piece)
        else:
            assert not piece.id and piece.index == len(calls) - 1 and piece.arguments
            before = calls[-1]
            calls[-1] = ToolCall(before.index, before.arguments + piece.arguments, before.id, before.name)
    assert parser.num_calls == len(calls)
    return "".join(news.text for news in parsed), calls


def test_a_call_comes_out_and_its_marks_do_not() -> None:
    text, calls = read([f"Let me see.\n<tool_call>\n{WEATHER}\n</tool_call>"])
    assert text == "Let me see."
    assert calls == [ToolCall(0, '{"city": "Oslo"}', "call_0", "get_weather")]


def test_several_calls_come_out_in_their_order() -> None:
    time = '{"name": "get_time", "arguments": {}}'
    text, calls = read([f"<tool_call>{WEATHER}</tool_call>\n<tool_call>{time}</tool_call>\nDone."])
    assert text == "\nDone."
    assert [(call.index, call.name, call.arguments) for call in calls] == [
        (0, "get_weather", '{"city": "Oslo"}'),
        (1, "get_time", "{}"),
    ]


def test_arguments_are_told_as_they_come() -> None:
    parser = ToolParser(HERMES, NAMES, ids())
    assert parser.feed('<tool_call>{"name": "get_weather", ').tool_calls == ()
    assert parser.feed('"arguments": {"ci').tool_calls == (ToolCall(0, '{"ci', "call_0", "get_weather"),)
    assert parser.feed('ty": "Os').tool_calls == (ToolCall(0, 'ty": "Os'),)
    assert parser.feed('lo"}}</tool_call>').tool_calls == (ToolCall(0, 'lo"}'),)


def test_arguments_before_the_name_wait_for_it() -> None:
    text, calls = read(['<tool_call>{"arguments": {"zone": "}"}, ', '"name": "get_time"}</tool_call>'])
    assert not text
    assert calls == [ToolCall(0, '{"zone": "}"}', "call_0", "get_time")]


def test_arguments_in_a_string_are_those_that_it_holds() -> None:
    _, calls = read(['<tool_call>{"name": "get_time", "arguments": "{\\"zone\\": 1}"}</tool_call>'])
    assert calls[0].arguments == '{"zone": 1}'


@pytest.mark.parametrize("value", ['{"name": "get_time"}', '{"name": "get_time", "arguments": null}'])
def test_a_call_without_arguments_has_empty_ones(value: str) -> None:
    assert read([f"<tool_call>{value}</tool_call>"])[1][0].arguments == "{}"


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>not JSON</tool_call>",
        '<tool_call>{"name": "unknown", "arguments": {}}</tool_call>',
        '<tool_call>{"name": 3, "arguments": {}}</tool_call>',
        '<tool_call>{"name": "get_time", "arguments": [1]}</tool_call>',
        '<tool_call>{"arguments": {}}</tool_call>',
        '<tool_call>{"name": "get_time", ',
        "\n <tool_call>\n ",
        "a < b, <tool, <tool_cal",
        " <tool_call>{]",
    ],
)
def test_what_only_looks_like_a_call_stays_text(text: str) -> None:
    assert read([text]) == (text, [])
    assert read(list(text)) == (text, [])


def test_a_call_behind_a_false_beginning_is_found() -> None:
    text, calls = read([f"<tool_call><tool_call>{WEATHER}"])
    assert text == "<tool_call>"
    assert [call.name for call in calls] == ["get_weather"]


def test_a_call_that_the_limit_cuts_keeps_what_came() -> None:
    text, calls = read(['<tool_call>{"name": "get_weather", "arguments": {"city": "Os'])
    assert not text
    assert calls[0].arguments == '{"city": "Os'


BEGUN = [
    "<tool_call>",
    '<tool_call>\n{"name',
    f"<tool_call>{WEATHER}</tool_call>\n<tool_",
    f"<tool_call>{WEATHER}</tool_c",
]


@pytest.mark.parametrize("text", ["<", "<tool_", *BEGUN])
def test_of_an_answer_that_has_to_be_calls_nothing_is_text(text: str) -> None:
    for cut in (False, True):
        told, calls = read(list(text), choice=ToolChoice("required"), cut=cut)
        assert not told
        assert [call.arguments for call in calls] == ['{"city": "Oslo"}'] * text.count("Oslo")


@pytest.mark.parametrize("text", BEGUN)
def test_the_beginning_of_a_call_that_the_limit_cuts_is_no_text(text: str) -> None:
    assert read([f"Well. {text}"], cut=True)[0] == read(list(f"Well. {text}"), cut=True)[0] == "Well."


def test_half_a_mark_at_the_limit_stays_text() -> None:
    assert read(["a <tool_"], cut=True) == ("a <tool_", [])
    assert read(["[TOOL_"], MISTRAL, cut=True) == ("[TOOL_", [])
    assert read(['{"na'], LLAMA, cut=True) == ('{"na', [])


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("[TOOL_CALLS] ", MISTRAL),
        ('[TOOL_CALLS] [{"name', MISTRAL),
        (f'[TOOL_CALLS] [{WEATHER}, {{"na', MISTRAL),
        ('<|python_tag|>{"na', LLAMA),
        ('{"name": "get_time", ', LLAMA),
        (f'{WEATHER}; {{"na', LLAMA),
    ],
)
def test_other_models_calls_that_the_limit_cuts_are_no_text_either(text: str, form: ToolFormat) -> None:
    assert read(list(text), form, cut=True)[0] == ""


def test_only_the_first_call_counts_where_calls_are_not_parallel() -> None:
    parser = ToolParser(HERMES, NAMES, ids(), ToolChoice(parallel=False))
    assert parser.feed(f"<tool_call>{WEATHER}").tool_calls
    assert parser.is_complete
    rest = parser.feed(f"</tool_call><tool_call>{WEATHER}</tool_call>")
    assert not rest.text and not rest.tool_calls


@pytest.mark.parametrize("before", ["", "\n", "<|python_tag|>", " <|python_tag|>\n"])
def test_llamas_answer_is_a_call_as_a_whole(before: str) -> None:
    for pieces in ([before + WEATHER.replace("arguments", "parameters")], list(before + WEATHER)):
        text, calls = read(pieces, LLAMA)
        assert not text
        assert [(call.name, call.arguments) for call in calls] == [("get_weather", '{"city": "Oslo"}')]


def test_llamas_several_calls_have_a_semicolon_between() -> None:
    text, calls = read([f"{WEATHER}; {WEATHER}"], LLAMA)
    assert not text
    assert len(calls) == 2


@pytest.mark.parametrize(
    "text",
    ['{"city": "Oslo", "name": "get_time"}', f"Use {WEATHER}", " \n", "<|python", "<|python_tag|> print(1)", "{"],
)
def test_an_answer_of_llama_that_is_no_call_is_text(text: str) -> None:
    assert read(list(text), LLAMA) == (text, [])


@pytest.mark.parametrize("before", ["[TOOL_CALLS]", "[TOOL_CALLS] ", "[TOOL_CALLS]\n"])
def test_mistrals_calls_are_a_list(before: str) -> None:
    written = f'{before}[{WEATHER[:-1]}, "id": "abcdef123"}}, {WEATHER}] '
    for pieces in ([written], list(written)):
        text, calls = read(pieces, MISTRAL)
        assert not text
        assert [(call.index, call.arguments) for call in calls] == [(0, '{"city": "Oslo"}'), (1, '{"city": "Oslo"}')]


def test_text_may_stand_around_a_list_of_calls() -> None:
    assert read(list(f"So: [TOOL_CALLS] [{WEATHER}]. Done."), MISTRAL)[0] == "So:. Done."


def test_only_the_first_call_of_a_list_counts_where_calls_are_not_parallel() -> None:
    assert len(read([f"[TOOL_CALLS][{WEATHER}, {WEATHER}]"], MISTRAL, ToolChoice(parallel=False))[1]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[TOOL_CALLS]",
        "[TOOL_CALLS] \n",
        f"[TOOL_CALLS]{WEATHER}",
        "[TOOL_CALLS][",
        "[TOOL_CALLS] []",
        '[TOOL_CALLS][{"name": "unknown", "arguments": {}}]',
        "[TOOL_CALLS]get_time",
        "[TOOL_",
    ],
)
def test_what_is_no_list_of_calls_stays_text(text: str) -> None:
    assert read([text], MISTRAL) == (text, [])
    assert read(list(text), MISTRAL) == (text, [])


def test_a_list_that_goes_wrong_keeps_the_calls_before() -> None:
    text, calls = read(list(f'[TOOL_CALLS][{WEATHER}, {{"name": "unknown"}}]'), MISTRAL)
    assert text == ' {"name": "unknown"}]'
    assert [call.name for call in calls] == ["get_weather"]


parts = st.sampled_from(
    [
        "[TOOL_CALLS]",
        "[",
        "]",
        ",",
        "<tool_call>",
        "</tool_call>",
        "{",
        "}",
        '"',
        "\n",
        " ",
        "name",
        "<",
        "text",
        ":",
        WEATHER,
        "\\",
    ]
)


@given(st.lists(parts, max_size=12).map("".join), st.data())
def test_it_does_not_matter_how_a_text_is_cut(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(pieces) == read([text])
    assert read(pieces, LLAMA) == read([text], LLAMA)
    assert read(pieces, MISTRAL) == read([text], MISTRAL)


def test_white_space_between_calls_and_at_the_end_goes_unsaid() -> None:
    text, calls = read(list(f"Now:\n<tool_call>{WEATHER}</tool_call>\n<tool_call>{WEATHER}</tool_call>\n\n"))
    assert text == "Now:"
    assert len(calls) == 2


@given(st.text(alphabet="<tol_ca>{}\n x", max_size=40))
def test_a_text_without_a_call_comes_out_as_it_was(text: str) -> None:
    assert read(list(text)) == (text, [])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4), st.sampled_from([None, 1]), st.booleans())
def test_arguments_come_as_they_were_written(
    arguments: dict[str, object], indent: int | None, ascii_only: bool
) -> None:
    written = json.dumps(arguments, indent=indent, ensure_ascii=ascii_only)
    text, calls = read(list(f'Well, <tool_call>{{"name": "get_time", "arguments": {written}}}</tool_call> so.'))
    assert text == "Well, so."
    assert calls == [ToolCall(0, written, "call_0", "get_time")]
