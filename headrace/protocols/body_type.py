"""What the type of a body has at a place in it, for messages that say what would be right there. Pure."""

import re
from functools import lru_cache
from typing import Any

from msgspec.inspect import (
    CollectionType,
    DictType,
    LiteralType,
    Metadata,
    StructType,
    TupleType,
    Type,
    UnionType,
    type_info,
)

_STEP = re.compile(r"\.?(?P<field>[^.\[\]]+)|\[(?P<index>[0-9]+)\]|(?P<entry>\[\.\.\.\])")


def field_names(kind: Any, path: str) -> list[str]:
    """The fields that an object has at a path such as `messages[0].content[1]`, as msgspec tells it."""
    return [
        field.encode_name for each in _types_at(kind, path) if isinstance(each, StructType) for field in each.fields
    ]


def words(kind: Any, path: str) -> list[str]:
    """The values that may stand there, where they are few that have names; in the order of the alphabet."""
    return [str(value) for each in _types_at(kind, path) if isinstance(each, LiteralType) for value in each.values]


def _types_at(kind: Any, path: str) -> list[Type]:
    types = _alternatives(_described(kind))
    for step in _STEP.finditer(path):
        types = [inner for each in types for found in _inside(each, step) for inner in _alternatives(found)]
    return types


@lru_cache(maxsize=64)
def _described(kind: Any) -> Type:
    """Takes milliseconds, and bodies have few types."""
    return type_info(kind)


def _alternatives(found: Type) -> list[Type]:
    if isinstance(found, Metadata):
        return _alternatives(found.type)
    return [inner for each in found.types for inner in _alternatives(each)] if isinstance(found, UnionType) else [found]


def _inside(outer: Type, step: re.Match[str]) -> list[Type]:
    if step["field"] is not None:
        fields = outer.fields if isinstance(outer, StructType) else ()
        return [field.type for field in fields if field.encode_name == step["field"]]
    if step["entry"]:
        return [outer.value_type] if isinstance(outer, DictType) else []
    if isinstance(outer, TupleType):
        return list(outer.item_types[int(step["index"]) :][:1])
    return [outer.item_type] if isinstance(outer, CollectionType) else []
