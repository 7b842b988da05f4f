"""Thoughts and answer are told apart wherever the borders between pieces fall."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.llm.reasoning import Marks, Stage
from headrace.llm.thoughts import Thoughts
from tests.llm.thinking import WORDS

TOKENS = Marks("<think>", "</think>", 1, 2)


def told(
    pieces: Sequence[str | tuple[str, int]], marks: Marks = WORDS, stage: Stage = "before", exact: bool = False
) -> tuple[str, str]:
    made = Thoughts(marks, stage, exact)
    found = [made.feed(*((piece, 9) if isinstance(piece, str) else piece)) for piece in pieces]
    found.append(made.finish())
    thoughts, texts = zip(*found, strict=True)
    return "".join(thoughts), "".join(texts)


@pytest.mark.parametrize(
    ("text", "stage", "expected"),
    [
        ("<think>\nSo.\n</think>\n\nParis", "before", ("So.", "Paris")),
        ("\n<think>So.</think>Paris", "before", ("So.", "Paris")),
        ("So.\n</think>\n\nParis", "inside", ("So.", "Paris")),
        ("  Paris </think>", "before", ("", "  Paris </think>")),
        ("Say <think> twice", "before", ("", "Say <think> twice")),
        ("<think></think>Paris <think>", "before", ("", "Paris <think>")),
        ("<think>\n\n</think>\n\n Paris\n", "before", ("", "Paris\n")),
        ("cut off </thi", "inside", ("cut off </thi", "")),
        ("<thin", "before", ("", "<thin")),
        ("  ", "before", ("", "  ")),
        ("a </b> c</think>d", "inside", ("a </b> c", "d")),
    ],
)
def test_marks_that_are_text_are_found_however_it_comes(text: str, stage: Stage, expected: tuple[str, str]) -> None:
    assert told([text], stage=stage) == told(list(text), stage=stage) == expected


@given(
    thoughts=st.text("ab <>/think\n", max_size=30).filter(lambda text: "</think>" not in text),
    answer=st.text("ab <>/think\n", max_size=30),
    cuts=st.lists(st.integers(0, 80), max_size=20),
)
def test_how_a_text_is_cut_changes_nothing(thoughts: str, answer: str, cuts: list[int]) -> None:
    text = f"<think>{thoughts}</think>{answer}"
    borders = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[begin:end] for begin, end in itertools.pairwise(borders)]
    at = f"{thoughts}</think>".index("</think>")
    spaces = " \t\r\n"
    assert told(pieces) == (thoughts[:at].strip(spaces), f"{thoughts}</think>{answer}"[at + 8 :].lstrip(spaces))


def test_marks_that_are_tokens_are_these_tokens_alone() -> None:
    pieces: list[str | tuple[str, int]] = [
        ("<think>", 1),
        ("so </think> it", 9),
        (" is ", 9),
        ("\ufffd</think>", 2),
        "\n\n",
        "Pa",
        "ris </think>",
    ]
    assert told(pieces, TOKENS) == ("so </think> it is \ufffd", "Paris </think>")
    assert told(["<think>", "so", ("</think>", 2)], TOKENS) == ("", "<think>so</think>")


def test_white_space_before_an_answer_in_a_form_is_its_own() -> None:
    assert told([("</think>", 2), "\n{"], TOKENS, "inside", exact=True) == ("", "\n{")


def test_tokens_of_thoughts_are_counted_with_their_marks() -> None:
    made = Thoughts(TOKENS, "before")
    for piece in ("", ("<think>", 1), "a", "b", ("</think>", 2), "c"):
        made.feed(*((piece, 9) if isinstance(piece, str) else piece))
    assert made.num_tokens == 4
