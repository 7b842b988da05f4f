"""Characters in GBNF are read as llama.cpp reads them."""

import pytest

from headrace.llm.gbnf_characters import ALL, LAST, Class, as_lark, meet, of_text, parted, read_class, read_text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a\n\t\r", "a\n\t\r"),
        (r"\x41\u00e9\U0001F600", "Aé😀"),
        (r"\ue9", "é"),  # as the library hands it on
        (r"\"\\\[\]", '"\\[]'),
    ],
)
def test_escapes_stand_for_a_character(written: str, read: str) -> None:
    assert read_text(written) == read


def test_a_text_is_written_as_lark_has_it() -> None:
    assert as_lark('"\n\\é') == r"\"\n\\é"


@pytest.mark.parametrize(
    ("written", "ranges"),
    [
        ("[abc]", ((97, 97), (98, 98), (99, 99))),
        ("[a-c_]", ((97, 99), (95, 95))),
        ("[-+]", ((45, 45), (43, 43))),
        ("[a-]", ((97, 97), (45, 45))),
        (r"[a\]]", ((97, 97), (93, 93))),
        (r"[\x00-\x1F]", ((0, 31),)),
    ],
)
def test_a_class_is_ranges(written: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert read_class(written) == Class(False, ranges)


def test_a_negated_class_is_all_others() -> None:
    found = read_class("[^b-d]")
    assert found.characters == ((0, 97), (101, LAST))
    assert str(found) == r"[^\U00000062-\U00000064]"


def test_a_dot_is_all_there_is() -> None:
    assert read_class(".").characters == ALL


def test_parts_are_all_of_a_set_or_nothing_of_it() -> None:
    sets = [((97, 122),), ((100, 105),), ((48, 57),)]
    points = parted(sets)
    assert points == [0, 48, 58, 97, 100, 106, 123]
    assert [meet(sets[0], point) for point in points] == [False, False, False, True, True, True, False]


def test_each_character_of_a_text_is_a_set() -> None:
    assert of_text("ab") == [((97, 97),), ((98, 98),)]
