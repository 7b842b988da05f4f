"""A generation's answers: as they come or once, with what it took."""

from headrace.generation import Generate, Prompt, Sampling, Times
from headrace.llm.choice import Choice
from headrace.llm.choosing import Choosing
from headrace.llm.generating import Generating
from headrace.llm.sequence import Sequence
from headrace.llm.told_text import ToldText
from tests.llm.engines import EOS, tokenizer

TOKENIZER = tokenizer()
PROMPT = [5, 6, 7]
WORDS = TOKENIZER.encode("The server starts", add_special=False)


def generating(stream: bool, n: int = 1) -> Generating:
    choices = []
    for index in range(n):
        sequence = Sequence(index, PROMPT, max_tokens=50)
        sequence.started_ns, sequence.num_cached_tokens = 1_500, 2
        text = ToldText(TOKENIZER, Sampling())
        choices.append(Choice(index, sequence, Choosing(Sampling()), text, TOKENIZER, frozenset((EOS,))))
    ask = Generate(Prompt(token_ids=tuple(PROMPT)), Sampling(), n=n, stream=stream)
    return Generating(1, ask, PROMPT, choices, TOKENIZER, 1_000)


def take(made: Generating, index: int, ids: list[int]) -> None:
    made.choices[index].take(ids, [None] * len(ids))


def test_news_come_with_the_prompt_first_and_times_throughout() -> None:
    made = generating(stream=True)
    take(made, 0, WORDS[:1])
    first = made.news(3_000)
    take(made, 0, [*WORDS[1:], EOS])
    last = made.news(9_000)
    assert first is not None and last is not None
    assert (first.prompt_token_ids, last.prompt_token_ids) == (tuple(PROMPT), ())
    assert (first.times, last.times) == (Times(500, 2_000, told_ns=2_000), Times(500, 2_000))
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.cached_tokens) == (3, len(WORDS) + 1, 2)
    assert made.finished


def test_without_a_stream_there_is_one_answer() -> None:
    made = generating(stream=False, n=2)
    take(made, 0, [*WORDS, EOS])
    assert made.news(1) is None
    take(made, 1, [EOS])
    told = made.news(2)
    assert told is not None
    assert [(delta.index, delta.text) for delta in told.deltas] == [(0, "The server starts"), (1, "")]


def test_a_choice_that_is_complete_is_told_once() -> None:
    made = generating(stream=True, n=2)
    take(made, 0, [EOS])
    take(made, 1, WORDS[:1])
    first = made.news(1)
    take(made, 1, WORDS[1:2])
    second = made.news(2)
    assert first is not None and second is not None
    assert [[delta.index for delta in each.deltas] for each in (first, second)] == [[0, 1], [1]]
    assert made.num_tokens_left == 50


def test_when_it_made_room_for_others_is_told_from_then_on() -> None:
    made = generating(stream=True, n=2)
    take(made, 0, WORDS[:1])
    made.news(3_000)
    made.choices[1].sequence.pauses.append((4_000, 5_000))
    made.choices[0].sequence.pauses.append((3_500, 6_000))
    take(made, 0, WORDS[1:2])
    told = made.news(7_000)
    assert told is not None
    assert told.times == Times(500, 2_000, pauses=((2_500, 5_000), (3_000, 4_000)))
