"""Which lines are written: by their level, of the server and where a model has its own. Changed while it runs."""

import logging
from collections.abc import Mapping

from headrace.errors import SettingInvalid

NUMBERS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
"""Levels by their names, the least important first."""

MODELS = 1000
"""That may have a level of their own."""


class Levels:
    """The levels in force. One for each server; whoever changes them does so on the event loop."""

    def __init__(self, level: str = "info", root: logging.Logger | None = None) -> None:
        """`root` follows the server's level, where one is given."""
        self._root = root
        self._models: dict[str, int] = {}
        self._silent: frozenset[int] = frozenset()
        self._level = NUMBERS[level]

    def shows(self, number: int, model: str = "") -> bool:
        """Whether a line of this level is written, which is of a model or of none."""
        own = self._models.get(model) if self._models else None
        if own is not None:
            return number >= own
        return number >= self._level and number not in self._silent

    @property
    def same_for_all(self) -> bool:
        """No model has a level of its own."""
        return not self._models

    @property
    def level(self) -> str:
        """The server's."""
        return _name(self._level)

    @property
    def models(self) -> dict[str, str]:
        """Of models that have one of their own."""
        return {model: _name(number) for model, number in self._models.items()}

    def change(self, level: str | None = None, models: Mapping[str, str | None] | None = None) -> None:
        """Nothing changes unless all is right; None for a model lets it follow the server again.

        Raises SettingInvalid.
        """
        named = {"level": level} if level is not None else {}
        for where, name in {**named, **{f"models.{model}": name for model, name in (models or {}).items()}}.items():
            if name is not None and name not in NUMBERS:
                raise SettingInvalid(f"{name[:60]!r} is no level; they are {', '.join(NUMBERS)}", where)
        kept = {**self._models, **{model: NUMBERS[name] for model, name in (models or {}).items() if name is not None}}
        for model, name in (models or {}).items():
            if name is None:
                kept.pop(model, None)
        if len(kept) > MODELS:
            raise SettingInvalid(f"at most {MODELS} models have a level of their own", "models")
        self._models = kept
        if level is not None:
            self._level, self._silent = NUMBERS[level], frozenset()
        self._tell()

    def silence(self, names: Mapping[str, bool], verbose: bool) -> None:
        """As Triton has it: each of info, warning and error is written or not, whatever the others are; and all of it
        where verbose is asked for."""
        self._level = logging.DEBUG if verbose else logging.INFO
        self._silent = frozenset(NUMBERS[name] for name, written in names.items() if not written)
        self._tell()

    def filter(self, record: logging.LogRecord) -> bool:
        """As logging asks of a filter: whether a line of any logger is written."""
        fields = getattr(record, "fields", None)
        model = fields.get("model", "") if fields else ""
        severity = min(record.levelno // 10 * 10, logging.ERROR)
        return self.shows(severity, model if isinstance(model, str) else "")

    def _tell(self) -> None:
        """Loggers let through what anybody may want; `filter` does the rest."""
        if self._root is not None:
            self._root.setLevel(min([self._level, *self._models.values()]))


def _name(number: int) -> str:
    return next(name for name, each in NUMBERS.items() if each == number)
