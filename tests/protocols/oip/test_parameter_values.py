"""A parameter is read as the type that it must have, or refused by its path."""

from typing import Any

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.oip.parameter_values import flag, integer, text


def test_an_integer_is_read() -> None:
    assert integer({"size": 7}, "size", "p") == 7


@pytest.mark.parametrize("value", [True, -1, 1.0, "7"])
def test_what_is_no_count_is_refused_with_its_path(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^p\.size: .* is not an integer of 0 or more$"):
        integer({"size": value}, "size", "p")


def test_an_integer_left_out_is_its_default_or_missing() -> None:
    assert integer({}, "offset", "p", 0) == 0
    with pytest.raises(InvalidRequest, match=r"^p\.size: is missing$"):
        integer({}, "size", "p")


def test_a_flag_is_read_or_its_default() -> None:
    assert flag({"binary": True}, "binary", "p")
    assert flag({}, "binary", "p", True)


def test_what_is_no_flag_is_refused_with_its_path() -> None:
    with pytest.raises(InvalidRequest, match=r"^p\.binary: 1 is neither true nor false$"):
        flag({"binary": 1}, "binary", "p")


def test_a_string_is_read() -> None:
    assert text({"region": "r"}, "region", "p") == "r"


@pytest.mark.parametrize(("sent", "why"), [({}, "is missing"), ({"region": 1}, "1 is not a string")])
def test_what_is_no_string_is_refused_with_its_path(sent: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"^p\.region: {why}$"):
        text(sent, "region", "p")
