"""A log record as one line: for people, or one JSON object; whatever a client sent, it stays one line."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from headrace.clock import rfc3339
from headrace.printable import printable

FIELDS = "fields"
"""The key of `extra` under which a log call hands over its fields: `log.info(..., extra={FIELDS: {...}})`."""

MAX_VALUE_CHARACTERS = 500

_COLOURS = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_PLAIN = re.compile(r"[^\s\"'=]+")


class Line(msgspec.Struct, omit_defaults=True):
    """A line whose fields are known beforehand: they follow these in a class of its kind. Those that are None or the
    empty string are their defaults, and left out."""

    ts: str
    level: str
    logger: str
    event: str


class Told(NamedTuple):
    """What a line says."""

    at_s: float  # Unix time
    level: str  # as logging has it
    logger: str
    event: str
    fields: Mapping[str, Any]


class JsonFormatter(logging.Formatter):
    """`{"ts", "level", "logger", "event", ...}` and the fields; ASCII only, so that no terminal is harmed."""

    def format(self, record: logging.LogRecord) -> str:
        told = Told(record.created, record.levelname, record.name, record.getMessage(), _fields(record))
        return self.line(told, self.formatException(record.exc_info) if record.exc_info else "")

    def write(self, line: Line) -> str:
        """One that is told without a log record."""
        written = _json(line)
        if len(written) <= MAX_VALUE_CHARACTERS:
            return written
        return _json({name: _cut(value) if isinstance(value, str) else value for name, value in _said(line)})

    def write_all(self, lines: Sequence[Line]) -> list[str]:
        """The same of many, each with its end: in a quarter of the time."""
        written = _all_json(lines)
        if written and max(map(len, written)) <= MAX_VALUE_CHARACTERS:
            return written
        return [self.write(line) + "\n" for line in lines]

    def line(self, told: Told, exception: str = "") -> str:
        """One of any fields."""
        line: dict[str, Any] = {
            "ts": rfc3339(told.at_s),
            "level": told.level.lower(),
            "logger": told.logger,
            "event": told.event,
        }
        if exception:
            line["exception"] = exception
        written = _json({**line, **told.fields}) if line.keys().isdisjoint(told.fields) else ""
        if written and len(written) <= MAX_VALUE_CHARACTERS:
            return written  # as most are, so that no value of it has to be cut
        for name, value in told.fields.items():
            if name not in line:
                line[name] = _cut(value) if isinstance(value, str) else value
        return _json(line)


class TextFormatter(logging.Formatter):
    """`12:00:01.250 warning  event  name=value ...`, in UTC; a traceback is indented below its line."""

    def __init__(self, colour: bool = False) -> None:
        super().__init__()
        self._colour = colour
        self.dated = False  # the day is told too, as ISO 8601 has it

    def write(self, line: Line) -> str:
        """One that is told without a log record."""
        fields = {name: value for name, value in _said(line) if name not in Line.__struct_fields__}
        return self._line(line.ts, line.level, line.event, fields)

    def write_all(self, lines: Sequence[Line]) -> list[str]:
        """The same of many, each with its end."""
        return [self.write(line) + "\n" for line in lines]

    def line(self, told: Told) -> str:
        """One of any fields."""
        return self._line(rfc3339(told.at_s), told.level.lower(), told.event, told.fields)

    def _line(self, ts: str, level: str, event: str, fields: Mapping[str, Any]) -> str:
        time = ts if self.dated else ts[len("2000-01-01T") : -1]
        padded = f"{level:<8}"
        if self._colour and (code := _COLOURS.get(level)):
            padded = f"\x1b[{code}m{padded}\x1b[0m"
        said = "".join([f" {name}={_value(value)}" for name, value in fields.items()])
        return f"{time} {padded} {printable(event)}{' ' if said else ''}{said}"

    def format(self, record: logging.LogRecord) -> str:
        line = self.line(Told(record.created, record.levelname, record.name, record.getMessage(), _fields(record)))
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line = "\n".join([line, *(f"    | {printable(each)}" for each in trace)])
        return line


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, FIELDS, {})
    return fields


def _said(line: Line) -> list[tuple[str, Any]]:
    """Its fields, but for those that are empty."""
    return [(name, value) for name, value in msgspec.structs.asdict(line).items() if value is not None and value != ""]


def _json(line: Mapping[str, Any] | Line) -> str:
    """In ASCII alone; most lines are, as the faster of two encoders has them."""
    try:
        encoded = _ENCODER.encode(line)
        if encoded.isascii() and b"\x7f" not in encoded:
            return encoded.decode()
    except (UnicodeEncodeError, ValueError):
        pass  # halves of characters, which only the other knows how to write
    plain = dict(_said(line)) if isinstance(line, Line) else line
    return json.dumps(plain, default=str, separators=(",", ":"))


def _all_json(lines: Sequence[Line]) -> list[str]:
    """Each with its end, as `_json` has it; none where one of them is not as most are."""
    try:
        encoded = _ENCODER.encode_lines(lines)
    except (UnicodeEncodeError, ValueError):
        return []
    plain = encoded.isascii() and b"\x7f" not in encoded
    return encoded.decode().splitlines(keepends=True) if plain else []


def _cut(text: str) -> str:
    if len(text) > MAX_VALUE_CHARACTERS:
        return f"{text[:MAX_VALUE_CHARACTERS]}... ({len(text)} characters)"
    return text


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return str(value)
    text = _cut(value) if isinstance(value, str) else str(value)
    plain = text.isprintable()
    return text if plain and _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=not plain)
