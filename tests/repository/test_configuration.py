"""What a configuration may be before a parser has it."""

import contextlib
import os
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ModelInvalid
from headrace.repository.configuration import MAX_BYTES, MAX_DIGITS, MAX_PARTS, check_toml, read_configuration


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    file.write_bytes(b"#" * MAX_BYTES)
    assert len(read_configuration(file, "model.toml")) == MAX_BYTES


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    file.touch()
    os.truncate(file, 1 << 40)
    with pytest.raises(ModelInvalid, match=r"^1/model.toml: is larger than 1 MiB"):
        read_configuration(file, "1/model.toml")


@pytest.mark.parametrize("key", ["a", '"a"', "'a'", "a-1", "1"])
@pytest.mark.parametrize("form", ["{} = 1", "[{}]", "[[{}]]", "x = {{ y = 1, {} = 1 }}", 'x = """"\\""""" # "\n{} = 1'])
def test_a_key_of_too_many_parts_is_refused_wherever_it_stands(key: str, form: str) -> None:
    check_toml(form.format(" . ".join([key] * MAX_PARTS)), "model.toml")
    with pytest.raises(ModelInvalid, match="has a key of more than 16 parts"):
        check_toml(form.format(" . ".join([key] * (MAX_PARTS + 1))), "model.toml")


@pytest.mark.parametrize("number", ["1" * 101, "+0x" + "f" * 99, "[0b" + "1" * 99 + "]", "1_" * 51])
def test_a_number_of_too_many_digits_is_refused(number: str) -> None:
    with pytest.raises(ModelInvalid, match=f"more than {MAX_DIGITS} digits"):
        check_toml(f"a = {number}", "model.toml")


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
    check_toml(text, "model.toml")


@given(QUOTED, st.sampled_from(['"', "'", '"""', "'''"]), QUOTED)
def test_where_a_text_ends_is_where_it_ends_for_the_parser(inside: str, mark: str, behind: str) -> None:
    """A key that the parser sees is seen."""
    text = f"x = {mark}{inside}{mark} #{behind}\n{DOTS}a = 1"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    with pytest.raises(ModelInvalid):
        check_toml(text, "model.toml")


@pytest.mark.parametrize("piece", ['"', "'", '"""', "'''", '"\\', "a", "#", "1", "a.\n", '"a', '""" "'])
def test_a_look_takes_as_long_as_the_text_is(piece: str) -> None:
    began = time.process_time()
    with contextlib.suppress(ModelInvalid):
        check_toml(piece * (MAX_BYTES // len(piece)), "model.toml")
    assert time.process_time() - began < 5
