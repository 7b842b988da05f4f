"""What is otherwise in the settings of this start than in those of the last."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from headrace.settings import Config

SECRET = ("key", "password", "token", "secret", "url", "webhook", "credential", "header")
"""Words of a setting's name whose value is not told."""

MOST = 8
"""Settings that are named."""

_LEAST_SAID = 40


def flat(config: Config, version: str) -> dict[str, str]:
    """Every setting and its value, as they may be kept: of a secret only what tells it from another."""
    found = {"headrace": version}
    _flatten("", msgspec.to_builtins(config), found)
    return found


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """In words; "" where nothing is."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    told = [_words(name, before.get(name), after.get(name)) for name in names[:MOST]]
    if len(names) > MOST:
        told.append(f"and {len(names) - MOST} more")
    return "; ".join(told)


def _words(name: str, before: str | None, after: str | None) -> str:
    if _is_secret(name):
        return f"{name} is another"
    return f"{name} {_cut(before)} -> {_cut(after)}"


def _cut(value: str | None) -> str:
    if value is None:
        return "unset"
    return value if len(value) <= _LEAST_SAID else f"{value[:_LEAST_SAID]}..."


def _flatten(name: str, value: Any, found: dict[str, str]) -> None:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            _flatten(f"{name}.{key}" if name else str(key), each, found)
    elif _is_secret(name):
        found[name] = blake2b(str(value).encode(), digest_size=8).hexdigest()
    else:
        found[name] = str(value)


def _is_secret(name: str) -> bool:
    return any(word in name.rpartition(".")[2].lower() for word in SECRET)
