"""The JSON object that is a call of a tool, read as its characters come: the name, and the arguments as written."""

import re
from collections.abc import Callable

import msgspec

_SPACES = " \t\r\n"
_PLAIN = re.compile(r'[^"\\]*')  # within a string
_UNREMARKABLE = re.compile(r'[^"{}\[\]]*')  # within an object or a list


class CallObject:
    """One object, from its brace on. It fails where it is no object, or is none that calls one of the tools.

    `name`, `arguments` or `parameters` (an object, or a string that holds one) and, unused, `type` and `id` may come in
    any order. Once the name and the beginning of the arguments are there the call is told, and fails no more.
    """

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._state: Callable[[str, int], int] = self._brace
        self._key = ""
        self._value = ""  # the part of a value, or key, that was read
        self._scan = _Value()
        self._arguments: list[str] = []  # read and not taken
        self._has_arguments = False
        self._streams = False  # the arguments' value is under way, and can be given out as it comes
        self.name = ""
        self.told = False
        self.failed = False
        self.is_complete = False

    def feed(self, text: str) -> int:
        """Read on; how many characters belonged to the object, or to what might have been one."""
        at = 0
        while at < len(text) and not (self.failed or self.is_complete):
            at = self._state(text, at)
        if self.name and (self._streams or self._has_arguments or self.is_complete):
            self.told = True
        if self.is_complete and not self.told:
            self.failed = True  # without a name
        if self.told and self.failed:
            self.failed, self.is_complete = False, True
        return at

    def take(self) -> str:
        """More of the arguments; all of them together are those of the call."""
        if self.is_complete and not self._has_arguments and not self._streams:
            self._has_arguments = True
            return "{}"
        taken = "".join(self._arguments)
        self._arguments.clear()
        return taken

    # States: each looks at one character or a run of them, and gives the place of the next.

    def _fail(self, at: int) -> int:
        self.failed = True
        return at

    def _brace(self, text: str, at: int) -> int:
        if text[at] in _SPACES:
            return at + 1
        if text[at] != "{":
            return self._fail(at)
        self._state = self._before_key
        return at + 1

    def _before_key(self, text: str, at: int) -> int:
        if text[at] in _SPACES or text[at] == ",":
            return at + 1
        if text[at] == "}":
            self.is_complete = True
            return at + 1
        if text[at] != '"':
            return self._fail(at)
        self._value, self._scan, self._state = "", _Value(), self._in_key
        return at

    def _in_key(self, text: str, at: int) -> int:
        end = self._scan.read(text, at)
        self._value += text[at:end]
        if self._scan.over:
            self._key = _decoded(self._value)
            if self._key not in _KEYS and not self.told:
                return self._fail(end)
            self._state = self._colon
        return end

    def _colon(self, text: str, at: int) -> int:
        if text[at] in _SPACES:
            return at + 1
        if text[at] != ":":
            return self._fail(at)
        self._state = self._before_value
        return at + 1

    def _before_value(self, text: str, at: int) -> int:
        if text[at] in _SPACES:
            return at + 1
        first = text[at]
        if self._key == "name" and first != '"':
            return self._fail(at)
        self._streams = self._key in _ARGUMENTS and first == "{" and not self._has_arguments
        if self._key in _ARGUMENTS and not self._streams and first not in '"n':
            return self._fail(at)
        self._value, self._scan, self._state = "", _Value(), self._in_value
        return at

    def _in_value(self, text: str, at: int) -> int:
        end = self._scan.read(text, at)
        if self._streams:
            self._arguments.append(text[at:end])
        else:
            self._value += text[at:end]
        if self._scan.failed:
            return self._fail(end)
        if self._scan.over:
            self._state = self._before_key
            return self._end_of_value(end)
        return end

    def _end_of_value(self, end: int) -> int:
        if self._streams:
            self._streams, self._has_arguments = False, True
        elif self._key == "name" and not self.told:
            self.name = _decoded(self._value)
            if self.name not in self._names:
                return self._fail(end)
        elif self._key in _ARGUMENTS and not self._has_arguments:
            text = "{}" if self._value == "null" else _decoded(self._value)
            if not text.lstrip(_SPACES).startswith("{"):
                return self._fail(end)
            self._arguments.append(text)
            self._has_arguments = True
        return end


_ARGUMENTS = ("arguments", "parameters")
_KEYS = ("name", "type", "id", *_ARGUMENTS)


def _decoded(text: str) -> str:
    """A JSON string's text; empty where it is none."""
    try:
        return msgspec.json.decode(text, type=str)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ""


class _Value:
    """Finds the end of one value by its brackets and quotes alone."""

    def __init__(self) -> None:
        self._open: list[str] = []  # closing brackets awaited
        self._in_string = False
        self._escaped = False
        self._begun = False
        self.over = False
        self.failed = False

    def read(self, text: str, at: int) -> int:
        """How far the value goes in `text`, from `at` on."""
        while at < len(text) and not (self.over or self.failed):
            at = self._string(text, at) if self._in_string else self._outside(text, at)
        return at

    def _string(self, text: str, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        plain = _PLAIN.match(text, at)
        assert plain is not None
        at = plain.end()
        if at == len(text):
            return at
        if text[at] == "\\":
            self._escaped = True
        else:
            self._in_string = False
            self.over = not self._open
        return at + 1

    def _outside(self, text: str, at: int) -> int:
        character = text[at]
        if self._open and character not in '"{}[]':
            run = _UNREMARKABLE.match(text, at)
            assert run is not None
            return run.end()
        if character == '"':
            self._in_string = True
        elif character in "{[":
            self._open.append("}" if character == "{" else "]")
        elif character in "}]" and self._open:
            self.failed = self._open.pop() != character
            self.over = not self._open
        elif character in ",}]" or character in _SPACES:  # behind a number or a word
            self.over = self._begun
            self.failed = not self._begun
            return at
        self._begun = True
        return at + 1
