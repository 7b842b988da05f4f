"""Guesses from the text itself."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.drafts import SIZES, NgramDrafter


def propose(token_ids: list[int], most: int = 3) -> tuple[list[int], int]:
    return NgramDrafter().propose(array("q", token_ids), most)


def test_what_followed_the_same_tokens_is_guessed() -> None:
    assert propose([1, 2, 3, 4, 5, 9, 1, 2, 3, 4]) == ([5, 9, 1], 4)


def test_eight_tokens_that_are_the_same_are_told_from_four() -> None:
    assert propose([*range(9), 50, *range(1, 9)]) == ([50, 1, 2], 8)


def test_fewer_tokens_than_wanted_are_not_looked_for() -> None:
    text = array("q", [1, 2, 3, 4, 5, 9, 1, 2, 3, 4])
    assert NgramDrafter().propose(text, 3, least=4) == ([5, 9, 1], 4)
    assert NgramDrafter().propose(text, 3, least=5) == ([], 0)


def test_two_tokens_must_be_the_same() -> None:
    assert propose([1, 2, 3, 9, 1, 2]) == ([3, 9, 1], 2)
    assert propose([1, 2, 3, 9, 2]) == ([], 0)


def test_the_longest_match_wins_over_a_later_shorter_one() -> None:
    assert propose([1, 2, 3, 7, 8, 9, 2, 3, 5, 6, 1, 2, 3], most=1) == ([7], 3)


def test_the_latest_of_equal_matches_wins() -> None:
    assert propose([1, 2, 7, 1, 2, 8, 1, 2], most=1) == ([8], 2)


def test_a_text_that_repeats_itself_goes_on_doing_so() -> None:
    assert propose([1, 2, 3, 1, 2, 3], most=8)[0] == [1, 2, 3, 1, 2, 3, 1, 2]
    assert propose([7, 7, 7, 7], most=5)[0] == [7] * 5


def test_a_short_text_has_no_past() -> None:
    assert [propose([5] * count) for count in range(3)] == [([], 0)] * 3


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 5))
def test_a_text_that_was_read_before_gives_the_same_guesses(token_ids: list[int], pace: int) -> None:
    drafter = NgramDrafter()
    for count in range(0, len(token_ids), pace):
        drafter.read(array("q", token_ids[:count]))
    assert drafter.propose(array("q", token_ids), 4) == NgramDrafter().propose(array("q", token_ids), 4)


def slow(token_ids: list[int], most: int) -> tuple[list[int], int]:
    """Looks for each size from the end backwards."""
    for size in SIZES:
        for end in range(len(token_ids) - 1, size - 1, -1):
            if token_ids[end - size : end] == token_ids[-size:]:
                ids = token_ids[end:]
                while len(ids) < most:
                    ids.append(ids[end - len(token_ids)])
                return ids[:most], size
    return [], 0


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 6), st.integers(1, 5))
def test_it_finds_what_the_obvious_search_finds(token_ids: list[int], most: int, pace: int) -> None:
    drafter = NgramDrafter()
    for count in range(0, len(token_ids), pace):
        drafter.propose(array("q", token_ids[:count]), most)
    assert drafter.propose(array("q", token_ids), most) == slow(token_ids, most)
