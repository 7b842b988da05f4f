"""TOML within bounds."""

import contextlib
import time
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.toml_text import MAX_DEPTH, MAX_DIGITS, MAX_PARTS, check_toml, read_toml, written


def test_a_text_is_read() -> None:
    assert read_toml("a.b = [1, 2]") == {"a": {"b": [1, 2]}}


def test_what_is_no_toml_is_told_with_its_line() -> None:
    with pytest.raises(ValueError, match=r"^is not TOML: Invalid value \(at line 3, column 1\)"):
        read_toml("a = [\n1,\n}")


@pytest.mark.parametrize("levels", [MAX_DEPTH, 10_000])
def test_what_is_nested_deeper_than_anybody_writes_is_refused(levels: int) -> None:
    read_toml("a = " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))
    with pytest.raises(ValueError, match="is nested too deep"):
        read_toml("a = " + "[" * levels + "]" * levels)


def test_a_value_is_shown_as_it_was_written() -> None:
    text = "[1979-05-27, 07:32:00, { a = true, b = 'x' }, {}, 1.5]"
    assert written(read_toml(f"x = {text}")["x"]) == text


@pytest.mark.parametrize("key", ["a", '"a"', "'a'", "a-1", "1"])
@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "[[{}]]", "x = {{ y = 1, {} = 1 }}", 'x = """"\\""""" # "\n{} = 1'])
def test_a_key_of_too_many_parts_is_refused_wherever_it_stands(key: str, form: str) -> None:
    check_toml(form.format(" . ".join([key] * MAX_PARTS)))
    with pytest.raises(ValueError, match="has a key of more than 16 parts"):
        check_toml(form.format(" . ".join([key] * (MAX_PARTS + 1))))


@pytest.mark.parametrize("number", ["1" * 101, "+0x" + "f" * 99, "[0b" + "1" * 99 + "]", "1_" * 51])
def test_a_number_of_too_many_digits_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=f"more than {MAX_DIGITS} digits"):
        check_toml(f"a = {number}")


DOTS = "a." * 100
QUOTED = st.text("ab.#'\"\\\n", max_size=12)


@pytest.mark.parametrize(
    "text",
    [
        f'a = "{DOTS}"',
        f"a = '{DOTS}'",
        f"# {DOTS}",
        f'a = """\n"{DOTS}""\n"""',
        f"a = '''\n{DOTS}'''",
        "a = [1.5, 2.5]" * 99,
    ],
)
def test_dots_in_texts_comments_and_numbers_are_no_keys(text: str) -> None:
    check_toml(text)


@given(QUOTED, st.sampled_from(['"', "'", '"""', "'''"]), QUOTED)
def test_where_a_text_ends_is_where_it_ends_for_the_parser(inside: str, mark: str, behind: str) -> None:
    """A key that the parser sees is seen."""
    text = f"x = {mark}{inside}{mark} #{behind}\n{DOTS}a = 1"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    with pytest.raises(ValueError, match="more than 16 parts"):
        check_toml(text)


@pytest.mark.parametrize("piece", ['"', "'", '"""', "'''", '"\\', "a", "#", "1", "a.\n", '"a', '""" "'])
def test_a_look_takes_as_long_as_the_text_is(piece: str) -> None:
    began = time.process_time()
    with contextlib.suppress(ValueError):
        check_toml(piece * ((1 << 20) // len(piece)))
    assert time.process_time() - began < 5
