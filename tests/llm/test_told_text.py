"""A text is told without its stop string and its calls of tools, and whole where it has none."""

from headrace.generation import Sampling, ToolChoice
from headrace.llm.preparing import Calls
from headrace.llm.thoughts import Thoughts
from headrace.llm.told_text import ToldText
from headrace.llm.tool_calls import HERMES
from tests.llm.engines import tokenizer
from tests.llm.thinking import WORDS

TOKENIZER = tokenizer()


def feed(told: ToldText, text: str) -> None:
    for token_id in TOKENIZER.encode(text, add_special=False):
        if not told.ended:
            told.feed(token_id)


def said(told: ToldText) -> str:
    return "".join(text for text, _ in told.take())


def test_a_text_comes_as_it_is_made_behind_the_echo() -> None:
    told = ToldText(TOKENIZER, Sampling(), "The ")
    feed(told, "server 🙂")
    assert said(told) == "The server 🙂"
    assert told.take() == []


def test_half_a_character_is_told_at_the_end_only() -> None:
    told = ToldText(TOKENIZER, Sampling())
    told.feed(TOKENIZER.encode("🙂", add_special=False)[0])
    assert told.take() == []
    told.finish()
    assert said(told) == "\ufffd"


def test_a_stop_string_ends_it() -> None:
    told = ToldText(TOKENIZER, Sampling(stop=("serv",)))
    feed(told, "The server starts")
    assert told.ended
    told.finish()
    assert (said(told), told.stop) == ("The ", "serv")


def test_a_stop_string_ends_no_text_that_is_to_have_more_tokens() -> None:
    text = "a b a b a"
    token_ids = TOKENIZER.encode(text, add_special=False)
    told = ToldText(TOKENIZER, Sampling(stop=("a", "b"), min_tokens=len(token_ids) - 1))
    feed(told, text)
    assert (said(told), told.stop) == ("a b a b ", "a")


def test_what_began_like_a_stop_string_is_told_where_the_text_ends() -> None:
    told = ToldText(TOKENIZER, Sampling(stop=("server!",)))
    feed(told, "The server")
    assert said(told) == "The "
    told.finish()
    assert said(told) == "server"


def test_calls_are_taken_out_and_the_only_one_allowed_ends_it() -> None:
    calls = Calls(HERMES, ("look",), ToolChoice(parallel=False))
    told = ToldText(TOKENIZER, Sampling(), "", calls.parser(), HERMES.marks)
    feed(told, 'Wait.<tool_call>{"name": "look", "arguments": {"a": 1}}</tool_call> more')
    assert told.ended
    told.finish()
    ((text, pieces),) = told.take()
    assert (text, told.num_calls, pieces[0].name) == ("Wait.", 1, "look")
    assert [piece.arguments for piece in pieces] == ['{"a": 1}']
    assert pieces[0].id.startswith("call_")


def test_stop_strings_and_calls_are_those_of_the_answer_and_not_of_thoughts() -> None:
    calls = Calls(HERMES, ("look",))
    said = '<tool_call>{"name": "look", "arguments": {}}</tool_call>'
    told = ToldText(TOKENIZER, Sampling(stop=("END",)), "", calls.parser(), HERMES.marks, Thoughts(WORDS, "before"))
    feed(told, f"<think>\nEND {said}\n</think>\n\nNow {said}END more")
    assert told.ended
    told.finish()
    ((text, pieces),) = told.take()
    assert (told.take_thoughts(), text, told.stop) == (f"END {said}", "Now", "END")
    assert [piece.name for piece in pieces] == ["look"]


def test_thoughts_that_never_end_are_no_text() -> None:
    told = ToldText(TOKENIZER, Sampling(), thoughts=Thoughts(WORDS, "inside"))
    feed(told, "The server </th")
    told.finish()
    assert (told.take_thoughts(), said(told), told.num_thought_tokens > 2) == ("The server </th", "", True)


def test_text_behind_a_call_stays_behind_it() -> None:
    told = ToldText(TOKENIZER, Sampling(), "", Calls(HERMES, ("look",)).parser(), HERMES.marks)
    feed(told, 'Wait.<tool_call>{"name": "look", "arguments": {}}</tool_call> So.')
    told.finish()
    assert [(text, len(calls)) for text, calls in told.take()] == [("Wait.", 1), (" So.", 0)]
