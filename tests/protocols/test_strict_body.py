"""Bodies have the documented fields and no others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.protocols.strict_body import (
    MAX_ELEMENTS,
    MAX_LISTED,
    MAX_NESTING,
    Body,
    Listed,
    Reader,
    check_nesting,
    refuse_unless_absent,
)


class Inner(Body, frozen=True):
    size: int = 0


class Outer(Body, frozen=True):
    temperature: float = 1.0
    inner: Listed[Inner] | None = None
    open: dict[str, Any] | None = None


READER = Reader(Outer)


def test_a_body_is_read() -> None:
    assert READER.decode(b'{"temperature": 1, "inner": [{"size": 3}]}') == Outer(1.0, [Inner(3)])


@pytest.mark.parametrize(
    ("body", "where", "message"),
    [
        (b'{"temprature": 1}', "temprature", "is not known here; did you mean 'temperature'?"),
        (b'{"inner": [{"sise": 1}]}', "inner[0].sise", "is not known here; did you mean 'size'?"),
        (b'{"sise": 1}', "sise", "is not known here; known: temperature, inner, open"),
        (b'{"inner": [{"zzz": 1}]}', "inner[0].zzz", "is not known here; known: size"),
        (b'{"temperature": "hot"}', "temperature", "expected a number, got a string"),
        (b'{"temperature": 1', "", "not JSON: it ends too early"),
    ],
)
def test_a_wrong_field_is_named_with_its_nearest_kin(body: bytes, where: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        READER.decode(body)
    assert (caught.value.where, caught.value.message) == (where, message)


def test_an_unknown_field_that_is_null_says_nothing() -> None:
    body = b'{"a": null, "temperature": 2, "inner": [{"b": null, "size": 3}, {"b": null}], "open": {"c": null}}'
    assert READER.decode(body) == Outer(2.0, [Inner(3), Inner()], {"c": None})


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"a": null, "inner": [{"b": null}, {"b": 0}]}', "inner[1].b"),
        (b'{"a": null, "temperature": "hot"}', "temperature"),
        (b'{"temprature": 1, "a": null', "temprature"),
        (b'{"temprature": 1, "open": {"c": null}}', "temprature"),
    ],
)
def test_what_is_wrong_beside_it_is_refused(body: bytes, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        READER.decode(body)
    assert caught.value.where == where


@given(st.binary())
def test_no_bytes_are_a_fault_of_the_servers(body: bytes) -> None:
    try:
        READER.decode(body)
    except InvalidRequest:
        pass


def test_more_pieces_than_are_taken_are_refused() -> None:
    assert READER.decode(b'{"inner": [%b]}' % b",".join([b"{}"] * MAX_LISTED)).inner == [Inner()] * MAX_LISTED
    with pytest.raises(InvalidRequest, match=rf"^inner: has more than {MAX_LISTED} elements, the most that are taken$"):
        READER.decode(b'{"inner": [%b]}' % b",".join([b"{}"] * (MAX_LISTED + 1)))


def test_a_field_that_is_refused_says_why() -> None:
    refuse_unless_absent({"audio": (None, "no sound")})
    with pytest.raises(InvalidRequest, match=r"^audio: no sound$"):
        refuse_unless_absent({"suffix": (None, "x"), "audio": (False, "no sound")})


def nested(levels: int) -> object:
    value: object = 1
    for i in range(levels - 1):
        value = {"a": value} if i % 2 else [value]
    return value


def test_what_nests_too_deep_is_refused() -> None:
    check_nesting(nested(MAX_NESTING), "schema")
    with pytest.raises(InvalidRequest, match=r"^schema: is nested deeper than 128 levels$"):
        check_nesting(nested(MAX_NESTING + 1), "schema")


@pytest.mark.parametrize("value", [[0] * MAX_ELEMENTS, [[0] * (MAX_ELEMENTS // 2 - 1)] * 2])
def test_what_is_of_too_many_elements_is_refused(value: list[Any]) -> None:
    check_nesting(value, "schema")
    with pytest.raises(InvalidRequest, match=r"^schema: has more than 32768 elements, the most that are taken$"):
        check_nesting({"a": value}, "schema")
