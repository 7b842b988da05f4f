"""What the type of a body has at a place in it, for messages that say what would be right there, and a body without
what says nothing. Pure."""

import re
from collections.abc import Sequence
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


def without_unknown_nulls(value: Any, kind: Any) -> Any:
    """A body without those fields of its objects that are null and not known; what the type leaves open stays whole."""
    return _without(value, _alternatives(_described(kind)))


def _without(value: Any, types: Sequence[Type]) -> Any:
    if isinstance(value, list):
        inner = [found for each in types if isinstance(each, CollectionType) for found in _alternatives(each.item_type)]
        return [_without(each, inner) for each in value] if _has_objects(inner) else value
    known = {field.encode_name: field.type for each in types if isinstance(each, StructType) for field in each.fields}
    if not (known and isinstance(value, dict)):
        return value
    return {
        name: _without(each, _alternatives(known[name])) if name in known else each
        for name, each in value.items()
        if name in known or each is not None
    }


def _has_objects(types: Sequence[Type]) -> bool:
    return any(isinstance(each, StructType | CollectionType) for each in types)


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
