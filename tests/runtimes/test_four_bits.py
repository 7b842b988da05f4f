"""It is told which matrices have no codes of 4 bits, for their rows are not divided."""

from headrace.runtimes.four_bits import in_words, widths_of
from tests.graphs.tiny import HIDDEN, INNER, LAYERS, golden_checkpoint


def test_rows_that_the_group_divides_are_not_spoken_of() -> None:
    assert in_words("4-bit codes", [64, 128], 64, cost="; dear") == "4-bit codes; dear"
    assert in_words("4-bit codes", [], 64) == "4-bit codes"


def test_where_no_rows_are_divided_there_are_no_codes_of_4_bits() -> None:
    told = in_words("4-bit codes", [40, 96], 64, ["the head"], "; dear")
    assert told == "8-bit codes with a scale a row, for 64 does not divide its rows"


def test_some_undivided_rows_are_counted_beside_what_has_8_bits_anyway() -> None:
    told = in_words("4-bit codes", [40, 64, 64], 64)
    assert told == "4-bit codes, 8-bit ones for 1 of 3 matrices, whose rows 64 does not divide"
    told = in_words("4-bit codes", [40, 64, 64], 64, ["the head", "the ends"], "; dear")
    rest = "1 of 3 matrices, whose rows 64 does not divide"
    assert told == f"4-bit codes, 8-bit ones for the head, the ends and {rest}; dear"


def test_matrices_that_rows_are_taken_of_and_the_head_do_not_count() -> None:
    widths = widths_of(golden_checkpoint("llama").weights)
    assert sorted(widths) == [HIDDEN] * 6 * LAYERS + [INNER] * LAYERS
