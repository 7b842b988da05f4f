"""A log record as one line: for people, or one JSON object; whatever a client sent, it stays one line."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

FIELDS = "fields"
"""The key of `extra` under which a log call hands over its fields: `log.info(..., extra={FIELDS: {...}})`."""

MAX_VALUE_CHARACTERS = 500

_COLOURS = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
_PLAIN = re.compile(r"[^\s\"'=]+")


class JsonFormatter(logging.Formatter):
    """`{"ts", "level", "logger", "event", ...}` and the fields; ASCII only, so that no terminal is harmed."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "ts": _utc(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line | _fields(record) | line, default=str)  # first and last: first, and not to be taken


class TextFormatter(logging.Formatter):
    """`12:00:01.250 warning  event  name=value ...`, in UTC; a traceback is indented below its line."""

    def __init__(self, colour: bool = False) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        time = _utc(record).strftime("%H:%M:%S.%f")[:-3]
        level = f"{record.levelname.lower():<8}"
        if self._colour and (code := _COLOURS.get(record.levelname)):
            level = f"\x1b[{code}m{level}\x1b[0m"
        fields = "".join(f" {name}={_value(value)}" for name, value in _fields(record).items())
        line = f"{time} {level} {_printable(record.getMessage())}{' ' if fields else ''}{fields}"
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line = "\n".join([line, *(f"    | {_printable(each)}" for each in trace)])
        return line


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: Mapping[str, Any] = getattr(record, FIELDS, {})
    return {name: _cut(value) for name, value in fields.items()}


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_VALUE_CHARACTERS:
        return f"{value[:MAX_VALUE_CHARACTERS]}... ({len(value)} characters)"
    return value


def _value(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    printable = text.isprintable()
    return text if printable and _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=not printable)


def _printable(text: str) -> str:
    """The text with every character that could end the line or steer a terminal written as an escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _utc(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
