"""JSON bodies into typed values; what is wrong is said with the path of the field."""

import re
from typing import TypeVar

import msgspec

from headrace.errors import InvalidRequest
from headrace.types import Buffer

T = TypeVar("T")

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<field>[^`]*)`$")
_TYPES = re.compile(r"^Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`$")
_LENGTH = re.compile(r"^Expected `array` of length <= (?P<most>[0-9]+)$")
_WORDS = {"int": "an integer", "float": "a number", "str": "a string", "bool": "true or false", "null": "null"}
_WORDS |= {"array": "an array", "object": "an object"}


def decode(decoder: msgspec.json.Decoder[T], body: Buffer, where: str = "") -> T:
    """The body as the decoder's type; `where` is the path of the body itself.

    Raises InvalidRequest that names the field at fault and what it should be.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _explain(str(error), where) from error
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"not JSON: {_plain(str(error))}", where) from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"not UTF-8: {error.reason} at byte {error.start} of a string", where) from error
    except RecursionError as error:
        raise InvalidRequest("the JSON is nested too deep", where) from error


def _plain(message: str) -> str:
    return message.removeprefix("JSON is malformed: ").replace("Input data was truncated", "it ends too early")


def _explain(message: str, where: str) -> InvalidRequest:
    found = _AT.match(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    if missing := _MISSING.match(what):
        path, what = f"{path}.{missing['field']}", "is missing"
    elif types := _TYPES.match(what):
        what = f"expected {_words(types['expected'])}, got {_words(types['got'])}"
    elif length := _LENGTH.match(what):
        what = f"has more than {length['most']} elements, the most that are taken"
    return InvalidRequest(what, (where + path).removeprefix("."))


def _words(types: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types.split(" | "))
