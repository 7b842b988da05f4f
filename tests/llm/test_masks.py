"""The masks of a text are those of its grammar, also behind drafts that are not yet kept."""

from headrace.generation import Grammar
from headrace.llm.grammar import Grammars
from headrace.llm.masks import Masks

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
