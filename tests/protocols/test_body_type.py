"""What a type has at a place."""

from typing import Annotated, Literal

import msgspec
import pytest

from headrace.protocols.body_type import field_names, without_unknown_nulls, words
from headrace.protocols.strict_body import Listed


class Part(msgspec.Struct):
    kind: Literal["text", "image"]
    parts: "str | Listed[Part] | None" = None


class Whole(msgspec.Struct):
    first: Annotated[Part, msgspec.Meta(description="x")]
    named: dict[str, Part] = {}
    pair: tuple[int, Part] | None = None


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ["first", "named", "pair"]),
        ("first", ["kind", "parts"]),
        (".first.parts[3].parts[0]", ["kind", "parts"]),
        ("named[...]", ["kind", "parts"]),
        ("pair[0]", []),
        ("pair[1]", ["kind", "parts"]),
        ("pair[2]", []),
        ("nothing.first", []),
    ],
)
def test_an_object_has_fields_where_it_stands(path: str, names: list[str]) -> None:
    assert field_names(Whole, path) == names


def test_unknown_nulls_are_left_out_of_objects_of_a_known_type_alone() -> None:
    inner = {"kind": "text", "parts": [{"kind": "text", "x": None, "y": 1}], "x": None}
    given = {"first": inner, "named": {"x": None}, "pair": None, "x": None, "y": {"z": None}}
    known = {"kind": "text", "parts": [{"kind": "text", "y": 1}]}
    assert without_unknown_nulls(given, Whole) == {"first": known, "named": {"x": None}, "pair": None, "y": {"z": None}}
    assert without_unknown_nulls([None], Whole) == [None]


def test_words_are_those_of_a_literal() -> None:
    assert words(Whole, "first.parts[0].kind") == ["image", "text"]
    assert words(Whole, "first") == []
