"""Trace and log settings: validated and kept, the same ones over HTTP and gRPC; those of the log hold at once."""

from collections.abc import Callable, Mapping, Sequence

from headrace.errors import SettingInvalid

Values = Sequence[str]
LogValue = bool | int | str

_LEVELS = ("OFF", "TIMESTAMPS", "TENSORS")
_INT64_MAX = 2**63 - 1


def _levels(values: Values, where: str) -> list[str]:
    wrong = [value for value in values if value not in _LEVELS]
    if wrong:
        raise SettingInvalid(f"{wrong[0]!r} is no trace level; they are {', '.join(_LEVELS)}", where)
    return ["OFF"] if "OFF" in values else list(dict.fromkeys(values))


def _text(values: Values, where: str) -> list[str]:
    return [_single(values, where)]


def _integer(least: int) -> Callable[[Values, str], list[str]]:
    def check(values: Values, where: str) -> list[str]:
        text = _single(values, where)
        digits = text.removeprefix("-")
        right = digits.isascii() and digits.isdigit() and len(digits) < 20
        if not right or not least <= int(text) <= _INT64_MAX:
            raise SettingInvalid(f"{text!r} is not an integer of {least} or more", where)
        return [str(int(text))]

    return check


def _single(values: Values, where: str) -> str:
    if len(values) != 1:
        raise SettingInvalid(f"takes one value, got {len(values)}", where)
    return values[0]


_TRACE: dict[str, tuple[list[str], Callable[[Values, str], list[str]]]] = {
    "trace_file": ([""], _text),
    "trace_level": (["OFF"], _levels),
    "trace_rate": (["1000"], _integer(1)),
    "trace_count": (["-1"], _integer(-1)),  # -1: no limit
    "log_frequency": (["0"], _integer(0)),
}
"""Each trace setting with its default and its check."""


class TraceSettings:
    """Trace settings of the server, and where a model has its own; a model follows the server in all others."""

    def __init__(self) -> None:
        self._server: dict[str, list[str]] = {}
        self._models: dict[str, dict[str, list[str]]] = {}

    def get(self, model: str | None = None) -> dict[str, list[str]]:
        """What holds for a model, or for the server."""
        defaults = {name: default for name, (default, _) in _TRACE.items()}
        return {**defaults, **self._server, **self._models.get(model or "", {})}

    def wanted(self) -> dict[str, tuple[int, int]]:
        """Of models, and of "" for all others: of how many requests one is traced (0: none), and how many (-1: any)."""
        found = {name: self.get(name or None) for name in ("", *self._models)}
        return {
            name: (int(values["trace_rate"][0]), int(values["trace_count"][0]))
            if values["trace_level"] != ["OFF"]
            else (0, 0)
            for name, values in found.items()
            if name or values["trace_level"] != ["OFF"]
        }

    def update(self, changes: Mapping[str, Values | None], model: str | None = None) -> dict[str, list[str]]:
        """Change some; None (or no values) clears one: a model follows the server again, the server its default.

        Nothing changes unless all are right. Raises SettingInvalid.
        """
        checked = {name: self._check(name, values) for name, values in changes.items()}
        kept = self._models.setdefault(model, {}) if model else self._server
        for name, values in checked.items():
            if values:
                kept[name] = values
            else:
                kept.pop(name, None)
        if model and not kept:
            del self._models[model]
        return self.get(model)

    @staticmethod
    def _check(name: str, values: Values | None) -> list[str]:
        if name not in _TRACE:
            raise SettingInvalid(f"there is no such trace setting; there are {', '.join(_TRACE)}", name)
        return _TRACE[name][1](values, name) if values else []


_LOG: dict[str, LogValue] = {
    "log_file": "",
    "log_info": True,
    "log_warning": True,
    "log_error": True,
    "log_verbose_level": 0,
    "log_format": "default",
}
"""Each log setting with its default, which also tells its type."""

_FORMATS = ("default", "ISO8601")
_UINT32_MAX = 2**32 - 1


class LogSettings:
    """Log settings of the server."""

    def __init__(self, file: str = "", apply: Callable[[Mapping[str, LogValue]], None] | None = None) -> None:
        """`file` is what is written to; `apply` has what was changed hold."""
        self._values = {**_LOG, "log_file": file}
        self._apply = apply

    def get(self) -> dict[str, LogValue]:
        return dict(self._values)

    def update(self, changes: Mapping[str, object]) -> dict[str, LogValue]:
        """Change some; nothing changes unless all are right. Raises SettingInvalid."""
        checked = {name: self._check(name, value) for name, value in changes.items()}
        self._values.update(checked)
        if checked and self._apply is not None:
            self._apply(self._values)
        return self.get()

    def _check(self, name: str, value: object) -> LogValue:
        if name not in _LOG:
            raise SettingInvalid(f"there is no such log setting; there are {', '.join(_LOG)}", name)
        if name == "log_verbose_level":
            if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _UINT32_MAX:
                return value
            raise SettingInvalid(f"{value!r} is not an integer of 0 or more", name)
        if isinstance(_LOG[name], bool):
            if isinstance(value, bool):
                return value
            raise SettingInvalid(f"{value!r} is neither true nor false", name)
        if not isinstance(value, str):
            raise SettingInvalid(f"{value!r} is not a string", name)
        if name == "log_file" and value != self._values["log_file"]:
            raise SettingInvalid("is chosen at the start, by the setting log.file, and not by clients", name)
        if name == "log_format" and value not in _FORMATS:
            raise SettingInvalid(f"{value!r} is no log format; they are {', '.join(_FORMATS)}", name)
        return value


class Settings:
    """What clients may set while the server runs; lost when it ends."""

    def __init__(self, log: LogSettings | None = None) -> None:
        self.trace = TraceSettings()
        self.log = log or LogSettings()
