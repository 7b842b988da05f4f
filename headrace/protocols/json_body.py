"""JSON bodies into typed values; what is wrong is said with the path of the field."""

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec

from headrace.errors import InvalidRequest
from headrace.protocols.body_type import field_names, words
from headrace.type_faults import in_words
from headrace.types import Buffer

T = TypeVar("T")

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<field>[^`]*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_TYPES = re.compile(r"^Expected `[^`]*`, got `(?P<got>[^`]*)`$")
_HALF = re.compile(r"(?:surrogate pair|end of hex escape) \(byte (?P<byte>[0-9]+)\)$")
_HALF_AT_END = re.compile(rb"(?<!\\)(?:\\\\)*\\u[dD][89abAB][0-9a-fA-F]{2}(?P<rest>.{1,5})\Z", re.DOTALL)
_BEGUN = re.compile(rb"\\(?:u[0-9a-fA-F]*)?")
_BYTE = re.compile(r"\bbyte ([0-9]+)\b")
_NONE_OF = re.compile(r"^Invalid enum value (?P<value>.*)$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")
_ENTRY = "[...]"
_SEARCHED_BYTES = 65_536
_MOST_KNOWN = 16  # fields that are listed; of a longer list nobody reads which is meant
_PYTHON = {"int": int, "float": float, "str": str, "bool": bool, "null": type(None), "array": list, "object": dict}


def decode(decoder: msgspec.json.Decoder[T], body: Buffer, where: str = "") -> T:
    """The body as the decoder's type; `where` is the path of the body itself.

    Raises InvalidRequest that names the field at fault and what it should be.
    """
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise refusal(error, where, body, decoder.type) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"not UTF-8: {error.reason} at byte {error.start} of a string", where) from error
    except RecursionError as error:
        raise InvalidRequest("the JSON is nested too deep", where) from error


def refusal(error: msgspec.DecodeError, where: str, body: Buffer = b"", kind: Any = None) -> InvalidRequest:
    """What is told of it; `body` is what was decoded, where it is whole, and `kind` what it should have been."""
    if isinstance(error, msgspec.ValidationError):
        return _explain(str(error), where, body, kind)
    return InvalidRequest(_malformed(str(error), body), where)


def is_of_unknown_field(error: InvalidRequest) -> bool:
    """Whether what `decode` raised is about a field that is not known."""
    return isinstance(error.__cause__, msgspec.ValidationError) and "unknown field" in str(error.__cause__)


def moved(error: InvalidRequest, place: Callable[[int], int]) -> InvalidRequest:
    """The error of a part of a body, with the byte's place in the whole."""
    message = _BYTE.sub(lambda found: f"byte {place(int(found[1]))}", error.message)
    return InvalidRequest(message, error.where)


def _malformed(message: str, body: Buffer) -> str:
    place = _half(message, body)
    if place is not None:
        return f"not Unicode: half of a surrogate pair stands alone before byte {place} (a character was cut in two)"
    plain = message.removeprefix("JSON is malformed: ").replace("Input data was truncated", "it ends too early")
    return f"not JSON: {plain}"


def _half(message: str, body: Buffer) -> int | None:
    """The byte at which the other half of a surrogate pair was looked for, if that is what is wrong.

    msgspec takes a body for cut off where there is too little behind the first half for another to have room.
    """
    if told := _HALF.search(message):
        return int(told["byte"])
    found = _HALF_AT_END.search(bytes(memoryview(body)[-64:])) if message == "Input data was truncated" else None
    if found is None or _BEGUN.fullmatch(found["rest"]):
        return None
    return len(memoryview(body)) - len(found["rest"])


def _explain(message: str, where: str, body: Buffer, kind: Any) -> InvalidRequest:
    found = _AT.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    if missing := _MISSING.match(what):
        path, what = f"{path}.{missing['field']}", "is missing"
    elif unknown := _UNKNOWN.match(what):
        field = unknown["field"][:64]
        path, what = f"{path}.{field}", f"is not known here{_instead(field, field_names(kind, path))}"
    elif types := _TYPES.match(what):
        path = _with_key(path, types["got"], body)
    elif (wrong := _NONE_OF.match(what)) and (named := words(kind, path)):
        what = f"must be {_listed(named)}, not {wrong['value'][:64]}"
    return InvalidRequest(in_words(what), (where + path).removeprefix("."))


def _instead(field: str, known: Sequence[str]) -> str:
    """What would be right where a field is unknown."""
    if near := get_close_matches(field, known, n=1):
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= _MOST_KNOWN else ""


def _with_key(path: str, got: str, body: Buffer) -> str:
    """A path that ends in an entry of an object, with the entry's key; of a long body it is not looked for."""
    if not path.endswith(_ENTRY) or path.count(_ENTRY) > 1 or len(body) > _SEARCHED_BYTES:
        return path
    outer = path.removesuffix(_ENTRY)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return path  # what comes behind is no JSON
    for field, index in _STEP.findall(outer):
        value = _inside(value, field, index)
    entries = value.items() if isinstance(value, dict) else ()
    key = next((key for key, each in entries if type(each) is _PYTHON.get(got)), None)
    return path if key is None else f"{outer}.{key[:64]}"


def _inside(value: Any, field: str, index: str) -> Any:
    """Of a name that stands twice, the first may be at fault and the other be here: it has nothing then."""
    if field:
        return value.get(field) if isinstance(value, dict) else None
    return value[int(index)] if isinstance(value, list) and int(index) < len(value) else None


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else "".join(names)
