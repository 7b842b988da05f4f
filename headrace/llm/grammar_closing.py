"""Objects whose schema names properties and says nothing of others have no others.

JSON Schema leaves them open, and a model that may add properties does: it invents them until its tokens are used up.
What is written without them satisfies the schema as well.
"""

from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Any, NamedTuple

MAX_LOOKS = 200_000  # at schemas and names; those so entangled that it takes more stay as open as they are
MAX_REPEATED = 6_000  # names that are repeated where schemas are joined, likewise

Json = Any


def closed(schema: Json, left_open: Collection[int] = ()) -> Json:
    """A reduced schema whose objects that name properties all say whether they have others: none, but where it said so.

    `left_open` has the identities of schemas within that say so by words that are not among the reduced. Schemas that
    hold of one object together (allOf, anyOf, $ref) are closed together: none forbids what another names. What has
    gone through here comes out as it was.
    """
    if not isinstance(schema, dict) or not _silent(schema):
        return schema
    try:
        return _Closing(schema, left_open).whole()
    except _Entangled:
        return schema


class _Entangled(Exception):
    """More work than a schema is worth."""


def _silent(schema: Json) -> bool:
    """Whether some object in it may say nothing of other properties."""
    waiting = [schema]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            if "properties" in inner and "additionalProperties" not in inner:
                return True
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner
    return False


class _Said(NamedTuple):
    """What schemas that hold of one object together say of its properties."""

    names: tuple[str, ...] = ()  # in the order of the text
    required: tuple[str, ...] = ()
    named: bool = False  # `properties` are there, if only {}
    settled: bool = False  # what else it may have is said
    counted: bool = False  # it has so many
    alternatives: bool = False  # some of it in one of several schemas only

    @property
    def all_names(self) -> dict[str, None]:
        return dict.fromkeys((*self.names, *self.required))


_NOTHING = _Said()
_SETTLED = _Said(settled=True)
_OWN = ""
"""The place of a schema's own keywords among those that hold together."""

_Place = tuple[str, int]


def _together(*said: _Said) -> _Said:
    names = tuple(dict.fromkeys(chain.from_iterable(one.names for one in said)))
    required = tuple(dict.fromkeys(chain.from_iterable(one.required for one in said)))
    return _Said(names, required, *(any(flags) for flags in list(zip(*said, strict=True))[2:]))


class _Use(NamedTuple):
    """A definition as it is where something holds beside it: None where it is as it was."""

    name: str
    beside: _Said | None
    within: str | None = None  # the definition that stands alone and joins it with what is beside it


class _Closing:
    """One schema while its objects are closed."""

    def __init__(self, root: dict[str, Json], left_open: Collection[int]) -> None:
        self._root = root
        self._left_open = left_open
        self._definitions: dict[str, Json] = root.get("$defs", {})
        self._names: dict[_Use, str] = {}  # among the definitions that come out
        self._waiting: list[_Use] = []
        self._within = ""
        self._known: dict[int, _Said] = {}
        self._looks = 0
        self._repeated = 0

    def whole(self) -> Json:
        root = self._closed(self._root, _NOTHING)
        definitions: dict[str, Json] = {}
        while self._waiting:
            use = self._waiting.pop()
            self._within = use.name if use.within is None else use.within
            schema = self._definitions[use.name]
            definitions[self._names[use]] = (
                self._as_it_is(schema) if use.beside is None else self._closed(schema, use.beside)
            )
        return {**root, "$defs": definitions} if definitions else root

    def _closed(self, schema: Json, beside: _Said) -> Json:
        """A schema closed for objects of which also holds what is `beside` it; where that is settled, only within."""
        self._look()
        if schema is False or (schema is True and (beside.settled or not beside.named)):
            return schema
        schema = {} if schema is True else schema
        if schema.keys() == {"$ref"} and id(schema) not in self._left_open:
            return {"$ref": self._reference(schema["$ref"], beside)}
        parts = self._parts(schema)
        places = {} if beside.settled else self._places(schema, parts, beside)
        besides = {place: self._others(place, parts, beside) for place in places}
        return self._with_own(self._inside(schema, besides), schema, besides.get((_OWN, 0)))

    def _places(self, schema: dict[str, Json], parts: dict[_Place, _Said], beside: _Said) -> list[_Place]:
        """Where the object is closed; nowhere, if it need not or cannot be."""
        whole = _together(*parts.values(), beside)
        if not whole.named:
            return []
        alternatives = [
            place for place, said in parts.items() if said.alternatives and self._adds(place, parts, beside)
        ]
        if alternatives:
            return alternatives
        if whole.settled or (whole.counted and not _countable(schema, parts, beside)):
            return []
        named = [place for place, said in parts.items() if said.named]
        if named and (_OWN, 0) not in named:
            return named[:1]
        types = schema.get("type", "object")
        return [(_OWN, 0)] if "object" in ([types] if isinstance(types, str) else types) else []

    def _adds(self, place: _Place, parts: dict[_Place, _Said], beside: _Said) -> bool:
        """Whether what may be added differs from one alternative to another."""
        said, others = parts[place], self._others(place, parts, beside)
        return said.settled or said.counted or not others.named or bool(said.all_names.keys() - others.all_names.keys())

    def _others(self, place: _Place, parts: dict[_Place, _Said], beside: _Said) -> _Said:
        """What all say that hold together with what stands at a place."""
        others = [*(said for at, said in parts.items() if at != place), beside]
        self._look(*others)
        return _together(*others)

    def _inside(self, schema: dict[str, Json], besides: dict[_Place, _Said]) -> dict[str, Json]:
        """A copy with the schemas in it closed: those that hold of the same object where `besides` has them."""
        copy: dict[str, Json] = {}
        for key, value in schema.items():
            if key in ("properties", "patternProperties"):
                copy[key] = {name: self._closed(inner, _NOTHING) for name, inner in value.items()}
            elif key in ("items", "additionalProperties"):
                copy[key] = self._closed(value, _NOTHING)
            elif key == "prefixItems":
                copy[key] = [self._closed(inner, _NOTHING) for inner in value]
            elif key == "allOf":
                copy[key] = [self._closed(inner, besides.get((key, at), _SETTLED)) for at, inner in enumerate(value)]
            elif key == "anyOf":
                copy[key] = [self._closed(inner, besides.get((key, 0), _SETTLED)) for inner in value]
            elif key == "oneOf":  # two of its schemas may hold at once, which closing one would hide
                copy[key] = [self._as_it_is(inner) for inner in value]
            elif key == "$ref":
                copy[key] = self._reference(value, besides.get((key, 0), _SETTLED))
            elif key != "$defs":
                copy[key] = value
            if key == "properties" and "additionalProperties" not in schema:
                copy["additionalProperties"] = (_OWN, 0) not in besides
        return copy

    def _with_own(self, copy: dict[str, Json], schema: dict[str, Json], others: _Said | None) -> dict[str, Json]:
        """The copy with the names that others have, where it is its own properties that are closed."""
        if others is None:
            return copy
        properties = schema.get("properties", {})
        asked = chain(others.names, schema.get("required", ()), others.required)
        more = {name: True for name in asked if name not in properties}
        self._repeated += len(more)
        if self._repeated > MAX_REPEATED:
            raise _Entangled
        if "properties" not in copy:
            return {**copy, "properties": more, "additionalProperties": False}
        return {**copy, "properties": {**copy["properties"], **more}}

    def _as_it_is(self, schema: Json) -> Json:
        """A copy whose references lead to definitions that are as they were."""
        self._look()
        if isinstance(schema, list):
            return [self._as_it_is(inner) for inner in schema]
        if not isinstance(schema, dict):
            return schema
        copy: dict[str, Json] = {}
        for key, value in schema.items():
            if key in ("properties", "patternProperties"):
                copy[key] = {name: self._as_it_is(inner) for name, inner in value.items()}
            elif key == "$ref":
                copy[key] = self._reference(value, None)
            else:
                copy[key] = self._as_it_is(value) if key in _INNER else value
        return copy

    def _reference(self, reference: str, beside: _Said | None) -> str:
        """To the definition as it is where that is `beside` it; None: as it was."""
        name = _definition(reference)
        if beside is None:
            use = _Use(name, None)
        elif beside == _NOTHING or not _together(self._said(self._definitions[name]), beside).named:
            use = _Use(name, _NOTHING)
        else:  # each definition that joins others has copies of them: the compiler refuses to join one under way
            use = _Use(name, _SETTLED if beside.settled else beside, self._within)
        if use not in self._names:
            self._names[use] = str(len(self._names))
            self._waiting.append(use)
        return f"#/$defs/{self._names[use]}"

    def _parts(self, schema: dict[str, Json]) -> dict[_Place, _Said]:
        """What holds of one object together, each with what it says, in the order of the text."""
        parts: dict[_Place, _Said] = {}
        for key, value in schema.items():
            if key == "allOf":
                parts |= {(key, at): self._said(inner) for at, inner in enumerate(value)}
            elif key == "anyOf":
                parts[key, 0] = (
                    _SETTLED if _anything(value) else _together(_Said(alternatives=True), *map(self._said, value))
                )
            elif key == "$ref":
                parts[key, 0] = self._said(self._definitions[_definition(value)])
            elif key in _OWN_WORDS:
                before = parts.pop((_OWN, 0), _NOTHING) if key == "properties" else parts.get((_OWN, 0), _NOTHING)
                parts[_OWN, 0] = _together(before, _OWN_WORDS[key](value))
        if id(schema) in self._left_open:
            parts[_OWN, 0] = _together(parts.get((_OWN, 0), _NOTHING), _SETTLED)
        return parts

    def _said(self, schema: Json) -> _Said:
        """What a schema says, and all that hold with it. References may go round in circles."""
        if not isinstance(schema, dict):
            return _NOTHING
        if id(schema) not in self._known:
            found: list[_Said] = []
            seen: set[int] = set()
            under_way = [self._steps(schema)]
            while under_way:
                step = next(under_way[-1], None)
                if step is None:
                    under_way.pop()
                elif isinstance(step, _Said):
                    self._look(step)
                    found.append(step)
                elif isinstance(step, dict) and id(step) not in seen:
                    self._look()
                    seen.add(id(step))
                    under_way.append(self._steps(step))
            self._known[id(schema)] = _together(_NOTHING, *found)
        return self._known[id(schema)]

    def _steps(self, schema: dict[str, Json]) -> Iterator[Json]:
        """What it says itself, and the schemas that hold with it, in the order of the text."""
        for key, value in schema.items():
            if key == "allOf":
                yield from value
            elif key == "anyOf" and _anything(value):
                yield _SETTLED
            elif key == "anyOf":
                yield _Said(alternatives=True)
                yield from value
            elif key == "$ref":
                yield self._definitions[_definition(value)]
            elif key in _OWN_WORDS:
                yield _OWN_WORDS[key](value)
        if id(schema) in self._left_open:
            yield _SETTLED

    def _look(self, *said: _Said) -> None:
        self._looks += 1 + sum(1 + len(one.names) + len(one.required) for one in said)
        if self._looks > MAX_LOOKS:
            raise _Entangled


def _definition(reference: str) -> str:
    return reference.rpartition("/")[2]


def _anything(alternatives: list[Json]) -> bool:
    """Whether one of them is anything: the compiler then reads none, of which some may be what it cannot follow."""
    return True in alternatives or {} in alternatives


def _countable(schema: dict[str, Json], parts: Collection[_Place], beside: _Said) -> bool:
    """Whether an object can have as many properties as it must of its names; seen only where nothing holds with it."""
    alone = set(parts) == {(_OWN, 0)} and beside == _NOTHING
    return alone and schema.get("minProperties", 0) <= len(set(schema.get("required", ())))


_INNER = ("items", "additionalProperties", "prefixItems", "allOf", "anyOf", "oneOf")

_OWN_WORDS: dict[str, Callable[[Json], _Said]] = {
    "properties": lambda value: _Said(names=tuple(value), named=True),
    "required": lambda value: _Said(required=tuple(value)),
    "minProperties": lambda value: _Said(counted=True),
    "maxProperties": lambda value: _Said(counted=True),
    "additionalProperties": lambda value: _SETTLED,
    "patternProperties": lambda value: _SETTLED,
    "const": lambda value: _SETTLED,
    "enum": lambda value: _SETTLED,
    "oneOf": lambda value: _SETTLED,
}
"""What a schema's own keywords say of an object."""
