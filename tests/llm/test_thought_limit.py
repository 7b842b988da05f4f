"""Thoughts that grow too long are ended."""

from headrace.llm.reasoning import Marks
from headrace.llm.thought_limit import ThoughtLimit

MARKS = Marks("<think>", "</think>", 1, 2)


def test_thoughts_end_where_they_have_their_tokens() -> None:
    limit = ThoughtLimit(MARKS, "inside", 2)
    assert [limit.take(token_id) for token_id in (5, 6, 7, 8, 9)] == [5, 6, 2, 8, 9]


def test_the_marks_do_not_count() -> None:
    limit = ThoughtLimit(MARKS, "before", 2)
    assert [limit.take(token_id) for token_id in (1, 5, 6, 2, 8, 9)] == [1, 5, 6, 2, 8, 9]


def test_an_answer_without_thoughts_is_not_limited() -> None:
    limit = ThoughtLimit(MARKS, "before", 0)
    assert [limit.take(token_id) for token_id in (5, 1, 6)] == [5, 1, 6]
