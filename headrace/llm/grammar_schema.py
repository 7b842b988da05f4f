"""A JSON schema reduced to what the grammar compiler enforces; all else that would constrain a text is refused by name.

Drafts 4 to 2020-12 are read. What comes out has the keywords of 2020-12 only, and references to `#/$defs/` alone;
annotations are gone. Keywords keep their order, which is the order of the properties in the text. Objects whose schema
names properties and says nothing of others have no others.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import msgspec

from headrace.errors import InvalidRequest
from headrace.llm.grammar_closing import closed
from headrace.llm.grammar_disjoint import disjoint
from headrace.llm.grammar_finite import never_ends
from headrace.llm.grammar_meeting import patterns_that_meet
from headrace.llm.grammar_regex import check_regex
from headrace.llm.grammar_values import VALUES, check_format, check_value, common_multiple

MAX_BYTES = 524_288
MAX_LEVELS = 100  # of schemas in schemas, references followed: compiling recurses
MAX_PROPERTIES = 2_000  # of one object: compiling takes quadratic time in them
MAX_ALL_PROPERTIES = 6_000
MAX_MEETING = 12  # patterns in one text: each doubles the time that finding out takes whether they can hold at once

Json = Any  # a value of JSON: an object, a list, a text, ...

_REFUSED = {
    "not": "what a text must not be cannot be enforced",
    "if": "conditions cannot be enforced; anyOf of both cases can",
    "dependencies": "cannot be enforced",
    "dependentRequired": "cannot be enforced",
    "dependentSchemas": "cannot be enforced",
    "contains": "cannot be enforced; items, which all items satisfy, can",
    "propertyNames": "cannot be enforced; patternProperties with additionalProperties false can",
    "uniqueItems": "cannot be enforced",
    "unevaluatedProperties": "cannot be enforced; additionalProperties can",
    "unevaluatedItems": "cannot be enforced; items can",
    "$dynamicRef": "is not followed; $ref is",
    "$recursiveRef": "is not followed; $ref is",
    "extends": "is of a draft before 4; allOf is understood",
    "disallow": "is of a draft before 4, and cannot be enforced",
    "divisibleBy": "is of a draft before 4; multipleOf is understood",
    "x-guidance": "how the schema is compiled is not for a request to say",
}
"""Keywords that are not enforced, and what to do instead."""

_HARMLESS: dict[str, Callable[[Json], bool]] = {
    "uniqueItems": lambda value: value is False,
    "unevaluatedProperties": lambda value: value is True,
    "unevaluatedItems": lambda value: value is True,
    "propertyNames": lambda value: value in (True, {}, {"type": "string"}),  # names are texts in any case
    "dependencies": lambda value: value == {},
    "dependentRequired": lambda value: value == {},
    "dependentSchemas": lambda value: value == {},
}
"""Values of them that constrain nothing."""

_OTHERS = {
    "properties": "additionalProperties",
    "patternProperties": "additionalProperties",
    "items": "prefixItems",
    "prefixItems": "items",
}
"""Keywords, and those that say what is left beside them."""

_OPENING = frozenset(
    (
        *(
            "additionalProperties",
            "patternProperties",
            "allOf",
            "anyOf",
            "oneOf",
            "$ref",
            "$dynamicRef",
            "$recursiveRef",
        ),
        *("extends", "if", "dependencies", "dependentRequired", "dependentSchemas"),
    )
)
"""Keywords that may name, or ask for, more properties: an object without what they said is not closed."""

_OF_OTHERS = ("unevaluatedProperties", "propertyNames")
"""Keywords that say of an object's other properties that there may be some, whether or not that is enforced."""


def enforceable(source: str, where: str, *, lenient: bool = False) -> Json:
    """The schema as the compiler enforces it; where `lenient`, without the keywords that it cannot enforce.

    Raises InvalidRequest with the path of what is no schema, cannot be enforced, no text satisfies, or is too large;
    where `lenient`, for what is so of the schema as a whole.
    """
    if len(source) > MAX_BYTES:
        raise InvalidRequest(f"has at most {MAX_BYTES:,} characters, not {len(source):,}", where)
    try:
        schema = msgspec.json.decode(source)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"is no JSON: {error}", where) from error
    try:
        reduction = _Reduction(schema, where, lenient)
        reduced = reduction.whole()
        _check_whole(reduced, where)
        return closed(reduced, reduction.left_open)
    except RecursionError as error:
        raise InvalidRequest("is nested too deep", where) from error


def _check_whole(reduced: Json, where: str) -> None:
    """Raises InvalidRequest for what is only seen of a schema as a whole."""
    if never_ends(reduced):
        raise InvalidRequest("no text satisfies it that ever ends", where)
    meeting = patterns_that_meet(reduced)
    if meeting > MAX_MEETING:
        raise InvalidRequest(f"at most {MAX_MEETING} patterns may meet in one text through allOf, not {meeting}", where)


class _Reduction:
    """One schema while it is reduced."""

    def __init__(self, root: Json, where: str, lenient: bool) -> None:
        self._root = root
        self._lenient = lenient
        self._where = where
        self._names: dict[str, str] = {}  # a reference -> its name among the definitions
        self._definitions: dict[str, Json] = {}
        self.left_open: dict[int, Json] = {}  # reduced schemas by their identities, which last as long as they do
        self._choices: list[dict[str, Json]] = []  # that have a oneOf
        self._multiples: list[float] = []
        self._properties = 0
        self._embedded = ""  # where a schema within begins a document of its own

    def whole(self) -> Json:
        reduced = self._schema(self._root, self._where, 0)
        for chosen in self._choices:
            if "anyOf" not in chosen and (self._lenient or disjoint(chosen["oneOf"], self._definitions)):
                _as_any_of(chosen)
        common_multiple(self._multiples, self._where)
        if self._embedded and self._names:
            raise InvalidRequest("references beside a schema that has an identifier are not followed", self._embedded)
        if isinstance(reduced, dict) and self._definitions:
            return {**reduced, "$defs": self._definitions}
        return reduced

    def _schema(self, schema: Json, path: str, level: int) -> Json:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise InvalidRequest("a schema is an object, true or false", path)
        if level > MAX_LEVELS:
            raise InvalidRequest(f"is nested deeper than {MAX_LEVELS} levels, references followed", path)
        if level and not str(schema.get("$id", "#")).startswith("#"):
            self._embedded = f"{path}.$id"
        reduced: dict[str, Json] = {}
        left_out = {key for key in schema if not self._keyword(key, schema, reduced, path, level)}
        for key, others in _OTHERS.items():
            if key in left_out:
                reduced.pop(others, None)  # they would be other than was meant
        if not left_out.isdisjoint(_OPENING) or any(schema.get(key, False) is not False for key in _OF_OTHERS):
            self.left_open[id(reduced)] = reduced
        return reduced

    def _keyword(self, key: str, schema: dict[str, Json], reduced: dict[str, Json], path: str, level: int) -> bool:
        """Put a keyword into the reduced schema; whether that was possible. Raises InvalidRequest where it must be."""
        value, path = schema[key], f"{path}.{key}"
        try:
            if key in _REFUSED:
                if not _HARMLESS.get(key, lambda _: False)(value):
                    raise InvalidRequest(_REFUSED[key], path)
            elif key in VALUES:
                check_value(key, value, path)
                self._value(key, value, schema, reduced, path)
            elif key in _INNER:
                _INNER[key](self, key, value, schema, reduced, path, level + 1)
        except InvalidRequest:
            if not self._lenient:
                raise
            reduced.pop(key, None)
            return False
        return True

    def _value(self, key: str, value: Json, schema: dict[str, Json], reduced: dict[str, Json], path: str) -> None:
        if key in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, bool):  # of draft 4
            bound = "minimum" if key == "exclusiveMinimum" else "maximum"
            if value and bound in schema:
                check_value(bound, schema[bound], f"{path}: {bound}")
                reduced[key] = schema[bound]
        elif key == "format":
            check_format(value, schema, reduced, path)
        else:
            if key == "multipleOf":
                self._multiples.append(value)
            elif key == "minProperties":
                _check_names(schema, path)
            reduced[key] = value

    def _one(self, key: str, value: Json, schema: Json, reduced: Json, path: str, level: int) -> None:
        """A keyword with one schema."""
        if key == "items" and isinstance(value, list):  # as prefixItems was called before 2020-12
            reduced["prefixItems"] = self._list(value, path, level)
            if "additionalItems" in schema:
                reduced["items"] = self._schema(schema["additionalItems"], f"{path[:-5]}additionalItems", level)
        else:
            reduced[key] = self._schema(value, path, level)

    def _many(self, key: str, value: Json, schema: Json, reduced: Json, path: str, level: int) -> None:
        """A keyword with a list of schemas."""
        reduced[key] = self._list(value, path, level)
        if key != "prefixItems" and not value:
            raise InvalidRequest("needs at least one schema", path)
        if key == "oneOf":
            self._choices.append(reduced)

    def _list(self, value: Json, path: str, level: int) -> list[Json]:
        if not isinstance(value, list):
            raise InvalidRequest("is a list of schemas", path)
        return [self._schema(inner, f"{path}[{index}]", level) for index, inner in enumerate(value)]

    def _named(self, key: str, value: Json, schema: Json, reduced: Json, path: str, level: int) -> None:
        """A keyword with schemas by name."""
        if not isinstance(value, dict):
            raise InvalidRequest("is an object of schemas by name", path)
        self._properties += len(value)
        if len(value) > MAX_PROPERTIES or self._properties > MAX_ALL_PROPERTIES:
            raise InvalidRequest(
                f"too large: at most {MAX_PROPERTIES:,} properties in one object and {MAX_ALL_PROPERTIES:,} in all,"
                f" not {max(len(value), self._properties):,}",
                path,
            )
        if key == "patternProperties":
            for name in value:
                check_regex(name, f"{path}.{name}")
        reduced[key] = {name: self._schema(inner, f"{path}.{name}", level) for name, inner in value.items()}

    def _reference(self, key: str, value: Json, schema: Json, reduced: Json, path: str, level: int) -> None:
        if not isinstance(value, str) or not (value == "#" or value.startswith("#/")):
            raise InvalidRequest("only references into the schema itself are followed: # or #/...", path)
        name = self._names.get(value)
        if name is None:
            name = self._names[value] = str(len(self._names))
            self._definitions[name] = True  # keeps its place
            self._definitions[name] = self._schema(self._target(value, path), f"{self._where}.{value[2:]}", level)
        reduced["$ref"] = f"#/$defs/{name}"

    def _target(self, reference: str, path: str) -> Json:
        found = self._root
        for part in reference.split("/")[1:]:
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, dict) and name in found:
                found = found[name]
            else:
                raise InvalidRequest(f"{reference} is not there", path)
        return found


def _check_names(schema: dict[str, Json], path: str) -> None:
    """Names that no property lists may come twice, so that only one of them is sure to be counted."""
    required = schema.get("required", ())
    if schema["minProperties"] > 1 + (len(required) if isinstance(required, list) else 0):
        raise InvalidRequest("more than one property beyond the required ones cannot be enforced", path)


def _as_any_of(chosen: dict[str, Json]) -> None:
    """Call oneOf anyOf, in its place: where keywords stand is the order of properties."""
    renamed = {"anyOf" if key == "oneOf" else key: value for key, value in chosen.items()}
    chosen.clear()
    chosen.update(renamed)


_INNER: dict[str, Callable[[_Reduction, str, Json, Json, Json, str, int], None]] = {
    "items": _Reduction._one,
    "additionalProperties": _Reduction._one,
    "prefixItems": _Reduction._many,
    "allOf": _Reduction._many,
    "anyOf": _Reduction._many,
    "oneOf": _Reduction._many,
    "properties": _Reduction._named,
    "patternProperties": _Reduction._named,
    "$ref": _Reduction._reference,
}
"""Keywords that hold schemas. `additionalItems` alone means nothing."""
