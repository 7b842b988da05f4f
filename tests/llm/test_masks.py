"""The masks of a text are those of its grammar, also behind drafts that are not yet kept."""

from headrace.generation import Grammar
from headrace.llm.grammar import Grammars
from headrace.llm.masks import Masks
from headrace.llm.reasoning import Marks, Stage

TOKENS = [b"", b"a", b"b", b"c"]


def masks(regex: str) -> Masks:
    matcher = Grammars(TOKENS, frozenset({0}), [0]).compile(Grammar("regex", regex))
    return Masks(matcher, len(TOKENS))


def allowed(made: Masks, row: int = 0) -> list[int]:
    return [token_id for token_id in range(len(TOKENS)) if made.rows[row][0] >> token_id & 1]


def test_the_first_token_has_its_mask_from_the_beginning() -> None:
    assert allowed(masks("(ab|c)a")) == [1, 3]


def test_each_draft_has_a_mask_behind_it_and_none_is_kept() -> None:
    made = masks("abca")
    made.fill((1, 2))
    assert [allowed(made, row) for row in range(3)] == [[1], [2], [3]]
    made.fill(())
    assert allowed(made) == [1]


def test_a_text_goes_on_until_it_is_complete() -> None:
    made = masks("ab")
    assert not made.accept([1])
    made.fill(())
    assert allowed(made) == [2]
    assert made.accept([2])


def test_drafts_end_before_the_first_that_is_not_allowed() -> None:
    assert masks("abca").allowed((1, 2, 2, 1)) == 2


THINKS = Marks("<think>", "</think>", 4, 5)
NAMES = [b"", b"a", b"b", b"c", b"<think>", b"</think>"]


def thinking(stage: Stage, regex: str = "ab") -> Masks:
    matcher = Grammars(NAMES, frozenset({0, 4, 5}), [0]).compile(Grammar("regex", regex))
    return Masks(matcher, len(NAMES), THINKS, stage, (0,))


def bits(made: Masks, row: int = 0) -> list[int]:
    return [token_id for token_id in range(len(NAMES)) if made.rows[row][0] >> token_id & 1]


def test_thoughts_may_come_first_and_are_free_but_for_the_end() -> None:
    made = thinking("before")
    assert bits(made) == [1, 4]
    made.fill((4, 3, 5, 1))
    assert [bits(made, row) for row in range(5)] == [[1, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1], [2]]
    assert not made.accept((4, 3, 5, 1))
    made.fill(())
    assert bits(made) == [2]
    assert made.accept((2,))


def test_an_answer_that_begins_in_its_form_stays_in_it() -> None:
    made = thinking("before")
    made.accept((1,))
    made.fill(())
    assert bits(made) == [2]


def test_drafts_end_before_the_end_of_an_answer_that_is_still_thought() -> None:
    assert thinking("inside").allowed((3, 0, 3)) == 1
    assert thinking("inside").allowed((3, 5, 1, 1)) == 3
    assert thinking("before").allowed((4, 3, 3)) == 3
    assert thinking("before").allowed((3,)) == 0
