"""Proposals before a step."""

from headrace.generation import Sampling
from headrace.llm.choice import Choice
from headrace.llm.choosing import Choosing
from headrace.llm.draft_length import DraftLength
from headrace.llm.drafting import Drafting
from headrace.llm.sequence import Sequence
from headrace.llm.step_time import StepShape, StepTime
from headrace.llm.told_text import ToldText
from tests.llm.engines import tokenizer


class Flat(StepTime):
    """Steps that take as long whatever is in them, or longer with every token."""

    def __init__(self, token_s: float) -> None:
        super().__init__()
        self._token_s = token_s

    def seconds(self, shape: StepShape) -> float:
        return 0.01 + self._token_s * shape.tokens


def repeating(uncomputed: int = 1) -> Choice:
    """A text whose last tokens came before."""
    made = tokenizer()
    sequence = Sequence(1, [5, 6, 7, 8, 9, 5, 6, 7, 8], max_tokens=20)
    sequence.num_computed_tokens = len(sequence) - uncomputed
    sampling = Sampling()
    return Choice(0, sequence, Choosing(sampling), ToldText(made, sampling), made, frozenset())


def drafting(ngrams: bool = True, token_s: float = 0.0) -> Drafting:
    return Drafting(ngrams, DraftLength(), Flat(token_s))


def test_a_text_that_repeats_itself_is_given_what_came_next() -> None:
    choice = repeating()
    drafting().propose([choice], waiting=False)
    assert choice.sequence.draft_ids[:5] == [9, 5, 6, 7, 8]


def test_a_prompt_that_is_not_computed_gets_none() -> None:
    choice = repeating(uncomputed=3)
    drafting().propose([choice], waiting=False)
    assert choice.sequence.draft_ids == []


def test_nothing_is_proposed_where_nobody_asked_for_it_or_it_cannot_pay() -> None:
    choice = repeating()
    drafting(ngrams=False).propose([choice], waiting=False)
    drafting(token_s=1.0).propose([choice], waiting=False)
    assert choice.sequence.draft_ids == []


def test_a_text_read_ahead_is_given_the_same() -> None:
    choice, proposing = repeating(), drafting()
    proposing.read_ahead([choice])
    proposing.propose([choice], waiting=False)
    assert choice.sequence.draft_ids[:5] == [9, 5, 6, 7, 8]
