"""Whether no value satisfies two of several schemas, as far as that can be seen; then one of them means any of them."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import msgspec

_ALL = frozenset(("null", "boolean", "object", "array", "number", "string"))
_DEEPEST = 8  # references followed, and properties of properties looked into

Json = Any


def disjoint(options: Sequence[Json], definitions: Mapping[str, Json]) -> bool:
    """Whether at most one of the (reduced) schemas can be satisfied by a value; False where that is not seen."""
    return all(_apart(one, other, definitions, _DEEPEST) for one, other in combinations(options, 2))


def _apart(one: Json, other: Json, definitions: Mapping[str, Json], depth: int) -> bool:
    one, other = _resolved(one, definitions), _resolved(other, definitions)
    if one is False or other is False:
        return True
    if one is True or other is True or depth == 0:
        return False
    if not _types(one) & _types(other):
        return True
    values = _values(one), _values(other)
    if values[0] is not None and values[1] is not None and not values[0] & values[1]:
        return True
    return _types(one) == _types(other) == {"object"} and _objects_apart(one, other, definitions, depth)


def _objects_apart(one: Json, other: Json, definitions: Mapping[str, Json], depth: int) -> bool:
    """Whether some property that one of both must have is of a kind that the other cannot have."""
    for name in {*one.get("required", ()), *other.get("required", ())}:
        mine, theirs = _property(one, name), _property(other, name)
        if mine is not None and theirs is not None and _apart(mine, theirs, definitions, depth - 1):
            return True
    return False


def _property(schema: Json, name: str) -> Json:
    found = schema.get("properties", {}).get(name)
    if found is None and schema.get("additionalProperties") is False and not schema.get("patternProperties"):
        return False
    return found


def _resolved(schema: Json, definitions: Mapping[str, Json]) -> Json:
    for _ in range(_DEEPEST):
        if not isinstance(schema, dict) or set(schema) != {"$ref"}:
            break
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema


def _types(schema: dict[str, Json]) -> frozenset[str]:
    if "type" in schema:
        said = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return frozenset("number" if kind == "integer" else kind for kind in said)
    values = schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else None
    return _ALL if values is None else frozenset(map(_type_of, values))


def _type_of(value: Json) -> str:
    for kinds, name in _NAMES:
        if isinstance(value, kinds):
            return name
    return "null"


_NAMES: tuple[tuple[Any, str], ...] = (
    (bool, "boolean"),
    (str, "string"),
    (int | float, "number"),
    (list, "array"),
    (dict, "object"),
)


def _values(schema: dict[str, Json]) -> frozenset[bytes] | None:
    """The only values that satisfy a schema, as JSON; None where they are not listed."""
    values = schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else None
    return None if values is None else frozenset(_canonical(value) for value in values)


def _canonical(value: Json) -> bytes:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 1.0 is 1
    return msgspec.json.encode(value, order="deterministic")
