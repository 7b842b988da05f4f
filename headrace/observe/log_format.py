"""A log record as one line: for people, or one JSON object; whatever a client sent, it stays one line."""

import json
import logging
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from headrace.clock import rfc3339

FIELDS = "fields"
"""The key of `extra` under which a log call hands over its fields: `log.info(..., extra={FIELDS: {...}})`."""

MAX_VALUE_CHARACTERS = 500

_COLOURS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_PLAIN = re.compile(r"[^\s\"'=]+")


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

    def line(self, told: Told, exception: str = "") -> str:
        """One that is told without a log record."""
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

    def line(self, told: Told) -> str:
        """One that is told without a log record."""
        time = rfc3339(told.at_s) if self.dated else _time_of_day(told.at_s)
        level = f"{told.level.lower():<8}"
        if self._colour and (code := _COLOURS.get(told.level)):
            level = f"\x1b[{code}m{level}\x1b[0m"
        fields = "".join([f" {name}={_value(value)}" for name, value in told.fields.items()])
        return f"{time} {level} {_printable(told.event)}{' ' if fields else ''}{fields}"

    def format(self, record: logging.LogRecord) -> str:
        line = self.line(Told(record.created, record.levelname, record.name, record.getMessage(), _fields(record)))
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line = "\n".join([line, *(f"    | {_printable(each)}" for each in trace)])
        return line


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, FIELDS, {})
    return fields


def _json(line: Mapping[str, Any]) -> str:
    """In ASCII alone; most lines are, as the faster of two encoders has them."""
    try:
        encoded = _ENCODER.encode(line)
        if encoded.isascii():
            return encoded.decode()
    except (UnicodeEncodeError, ValueError):
        pass  # halves of characters, which only the other knows how to write
    return json.dumps(line, default=str, separators=(",", ":"))


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
    printable = text.isprintable()
    return text if printable and _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=not printable)


def _printable(text: str) -> str:
    """The text with every character that could end the line or steer a terminal written as an escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _time_of_day(at_s: float) -> str:
    """In UTC, to the millisecond."""
    seconds, ms = divmod(int(at_s * 1000) % 86_400_000, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
