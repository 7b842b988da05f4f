"""Tests of the words for what a schema finds wrong."""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from headrace.repository.schema_faults import explain, unknown_key


class Leaf(msgspec.Struct):
    size: Annotated[int, Meta(ge=1, le=9)] | None = None
    kind: Literal["a", "b"] = "a"
    lanes: Literal["auto", 1, 2] = "auto"
    share: Annotated[float, Meta(gt=0)] = 1.0
    odd: Annotated[bool | None, Meta(extra={"takes": "an odd thing"})] = None


class Root(msgspec.Struct):
    leaf: Leaf | None = None
    leaves: list[Leaf] = []
    named: dict[str, Leaf] = {}
    needed: float = 0


TABLES: dict[str, type[msgspec.Struct]] = {"": Root, "leaf": Leaf, "leaves[...]": Leaf, "named[...]": Leaf}


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ({"leef": {}}, ("unknown key; did you mean 'leaf'?", "leef")),
        ({"leaf": {"sise": 1}}, ("unknown key; did you mean 'size'?", "leaf.sise")),
        ({"leaves": [{}, {"zzz": 1}]}, ("unknown key; known: size, kind, lanes, share, odd", "leaves[1].zzz")),
        ({"named": {"mine": {"zzz": 1}}}, ("unknown key; known: size, kind, lanes, share, odd", "named.mine.zzz")),
        ({"leaf": {"size": 1}, "leaves": [3]}, None),
    ],
)
def test_an_unknown_key_is_found_where_it_is(raw: dict[str, Any], fault: tuple[str, str] | None) -> None:
    assert unknown_key(raw, TABLES) == fault


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ({"leaf": {"size": 0}}, ("says 0; expected a whole number of at least 1", "leaf.size")),
        ({"leaf": {"size": 10}}, ("says 10; expected a whole number of at most 9", "leaf.size")),
        ({"leaf": {"size": True}}, ("says true; expected a whole number", "leaf.size")),
        ({"leaf": []}, ("says []; expected a table", "leaf")),
        ({"leaves": [{"kind": "c"}]}, ("says 'c'; choose one of: a, b", "leaves[0].kind")),
        ({"leaf": {"lanes": 3}}, ("says 3; choose one of: auto, 1, 2", "leaf.lanes")),
        ({"leaf": {"share": 0}}, ("says 0; expected a number above 0.0", "leaf.share")),
        ({"named": {"fine": {}, "mine": {"kind": "c"}}}, ("says 'c'; choose one of: a, b", "named.mine.kind")),
        ({"named": {"a": {"size": 2}, "b c": 3}}, ("says 3; expected a table", "named.b c")),
        ({"leaf": {"kind": 5}}, ("says 5; choose one of: a, b", "leaf.kind")),
        ({"leaf": {"lanes": False}}, ("says false; choose one of: auto, 1, 2", "leaf.lanes")),
        ({"leaf": {"odd": 5}}, ("says 5; expected an odd thing", "leaf.odd")),
        ({"needed": date(1979, 5, 27)}, ("says 1979-05-27; expected a number", "needed")),
        ({"needed": "x" * 99}, ("says '" + "x" * 56 + "...; expected a number", "needed")),
    ],
)
def test_a_wrong_value_is_told_with_what_would_be_right(raw: dict[str, Any], fault: tuple[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(raw, Root)
    assert explain(error.value, raw, TABLES) == fault


def test_a_deep_table_takes_no_longer_than_it_is_deep() -> None:
    raw: dict[str, Any] = {}
    for _ in range(100):
        raw = {"named": raw}
    assert unknown_key(raw, TABLES) is not None
