"""A choice keeps tokens up to its end, and tells each once."""

from typing import Any

from headrace.deltas import in_order
from headrace.generation import Sampling
from headrace.llm.choice import Choice, token_logprob
from headrace.llm.choosing import Choosing
from headrace.llm.logprobs import Scored
from headrace.llm.preparing import Calls
from headrace.llm.sequence import Sequence
from headrace.llm.told_text import ToldText
from headrace.llm.tool_calls import HERMES
from tests.llm.engines import EOS, tokenizer

TOKENIZER = tokenizer()
WORDS = TOKENIZER.encode("The server starts", add_special=False)


def choice(max_tokens: int = 50, calls: Calls | None = None, **sampling: Any) -> Choice:
    rules = Sampling(**sampling)
    sequence = Sequence(1, [5, 6, 7], max_tokens=max_tokens)
    parser = calls.parser() if calls else None
    text = ToldText(TOKENIZER, rules, parser=parser)
    return Choice(0, sequence, Choosing(rules, eos_ids=(EOS,)), text, TOKENIZER, frozenset((EOS,)))


def take(made: Choice, ids: list[int]) -> list[int]:
    return made.take(ids, [None] * len(ids))


def test_tokens_are_kept_up_to_the_end_token() -> None:
    made = choice()
    assert take(made, [*WORDS, EOS, 9]) == [*WORDS, EOS]
    made.read()
    (told,) = made.deltas()
    assert (told.text, told.token_ids, told.finish, told.stopped_by) == (
        "The server starts",
        (*WORDS, EOS),
        "stop",
        None,
    )
    assert made.deltas() == []


def test_no_more_are_kept_than_may_be_generated() -> None:
    made = choice(max_tokens=2)
    assert take(made, WORDS) == WORDS[:2]
    assert made.finish == "length"


def test_the_end_token_goes_on_where_it_is_to_be_ignored() -> None:
    made = choice(ignore_eos=True)
    assert take(made, [EOS, *WORDS]) == [EOS, *WORDS]
    assert made.finish is None


def test_a_stop_token_is_told_only_where_that_is_asked() -> None:
    texts = []
    for include_stop in (False, True):
        made = choice(stop_ids=(WORDS[1],), include_stop=include_stop)
        take(made, WORDS)
        made.read()
        (told,) = made.deltas()
        assert told.stopped_by == WORDS[1]
        texts.append(told.text)
    assert texts == [TOKENIZER.decode(WORDS[:1]), TOKENIZER.decode(WORDS[:2])]


def test_a_stop_string_takes_the_tokens_behind_it_back() -> None:
    made = choice(stop=("The",))
    take(made, WORDS)
    made.read()
    (told,) = made.deltas()
    assert (told.text, told.finish, told.stopped_by) == ("", "stop", "The")
    assert made.num_tokens == len(told.token_ids) < len(WORDS)


def test_log_probabilities_come_with_the_tokens_that_are_told() -> None:
    made = choice(logprobs=1)
    made.take([WORDS[0], EOS], [Scored(-0.5, ((WORDS[0], -0.5),)), Scored(-1.0)])
    made.read()
    (told,) = made.deltas()
    assert [(each.token_id, each.logprob, each.top[0].token_id) for each in told.logprobs] == [
        (WORDS[0], -0.5, WORDS[0])
    ]
    assert made.logprob == -1.5


def test_an_answer_that_called_ends_with_calls() -> None:
    made = choice(max_tokens=99, calls=Calls(HERMES, ("look",)))
    text = '<tool_call>{"name": "look", "arguments": {}}</tool_call>'
    take(made, [*TOKENIZER.encode(text, add_special=False), EOS])
    made.read()
    (told,) = made.deltas()
    assert (told.finish, told.tool_calls[0].name, told.text) == ("tool_calls", "look", "")


def test_a_call_that_has_just_begun_at_the_limit_is_no_text() -> None:
    begun = TOKENIZER.encode('Now: <tool_call>{"name": "lo', add_special=False)
    made = choice(max_tokens=len(begun), calls=Calls(HERMES, ("look",)))
    take(made, begun)
    made.read()
    (told,) = made.deltas()
    assert (told.finish, told.tool_calls, told.text) == ("length", (), "Now:")


def test_text_and_calls_are_told_in_their_order_whether_at_once_or_as_they_come() -> None:
    call = '<tool_call>{"name": "look", "arguments": {"a": 1}}</tool_call>'
    tokens = TOKENIZER.encode(f"First {call} then {call}{call} last.", add_special=False)
    for size in (1, 5, len(tokens)):  # tokens of a step
        streamed, whole = (choice(max_tokens=len(tokens), calls=Calls(HERMES, ("look",))) for _ in range(2))
        told = []
        for at in range(0, len(tokens), size):
            for made in (streamed, whole):
                made.sequence.token_ids.extend(take(made, tokens[at : at + size]))
                made.read()
            told += streamed.deltas()
        answer = whole.deltas()
        plain = [(delta.text, [call.arguments for call in delta.tool_calls]) for delta in answer]
        assert plain == [("First", ['{"a": 1}']), (" then", ['{"a": 1}'] * 2), (" last.", [])]
        assert [(delta.text, delta.token_ids) for delta in in_order(told)] == [
            (delta.text, delta.token_ids) for delta in answer
        ]
        assert sum((delta.token_ids for delta in answer), ()) == tuple(tokens)
        assert [delta.finish for delta in answer] == [None, None, "length"]


def test_drafts_are_what_followed_before() -> None:
    made = choice()
    made.sequence.token_ids.extend([*WORDS, *WORDS[:2]])
    made.draft(3)
    assert made.sequence.draft_ids[:1] == WORDS[2:3]
    assert len(made.rows(4, made.sequence.draft_ids)) == len(made.sequence.draft_ids) + 1


def test_the_first_token_of_a_prompt_has_no_probability() -> None:
    assert token_logprob(TOKENIZER, WORDS[0], None).logprob is None


def test_a_special_token_that_is_skipped_is_told_as_none_of_the_text() -> None:
    for skip, hidden in ((True, len(TOKENIZER.token_bytes(EOS))), (False, 0)):
        made = choice(ignore_eos=True, logprobs=0, skip_special_tokens=skip)
        made.take([EOS, WORDS[0]], [Scored(-1.0)] * 2)
        made.read()
        (told,) = made.deltas()
        assert [each.hidden for each in told.logprobs] == [hidden, 0]
