"""What a verb takes; what it does not take is one line, with the flag that is nearest."""

import difflib
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import NoReturn

from headrace.cli.failure import Failure


class Parser(ArgumentParser):
    """An ArgumentParser that raises Failure, with exit code 2, where a command line is wrong."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: None = None) -> Namespace:  # type: ignore[override]
        """Raises Failure, also where anything is left over."""
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return known

    def given(self, args: Sequence[str]) -> frozenset[str]:
        """The flags that a right command line has, whatever their values, by what they are called in its Namespace."""
        names = {action.dest for action in self._actions if action.option_strings}
        found, _ = self.parse_known_args(args, Namespace(**dict.fromkeys(names)))  # what is there gets no default
        return frozenset(name for name in names if getattr(found, name) is not None)

    def error(self, message: str) -> NoReturn:
        """Raises Failure that says where to look."""
        comma = "" if message.endswith("?") else ";"
        raise Failure(f"{message}{comma} `{self.prog} --help` shows what it takes", exit_code=2)

    def _unknown(self, argument: str) -> str:
        flag = argument.partition("=")[0]
        if not flag.startswith("-"):
            return f"there is no place for {argument!r}"
        near = difflib.get_close_matches(flag, self._option_string_actions, 1, 0.7)
        return f"there is no flag {flag!r}; did you mean {near[0]!r}?" if near else f"there is no flag {flag!r}"


def number(text: str) -> float:
    """The number in a flag that is sent on as it is: JSON has no word for one that is not finite, and a server would
    not see the flag. Raises ValueError."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
