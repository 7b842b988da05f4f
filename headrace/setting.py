"""What is known of a setting, as the annotation of its field says it. Knows no values."""

import typing
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Value = bool | int | float | str


class Setting(msgspec.Struct, frozen=True):
    """What is known of one setting: its dotted key, its default, one sentence, and what it takes in words."""

    key: str
    default: Value
    meaning: str
    takes: str
    type: Any  # as annotated, for msgspec.convert


def settings_in(section: type[msgspec.Struct], above: str = "") -> Iterator[Setting]:
    """Every setting of a tree; a field that holds tables by name is none."""
    for name, annotated in typing.get_type_hints(section, include_extras=True).items():
        if isinstance(annotated, type) and issubclass(annotated, msgspec.Struct):
            yield from settings_in(annotated, f"{above}{name}.")
        elif typing.get_origin(annotated) is Annotated:
            yield Setting(f"{above}{name}", getattr(section(), name), _meaning(annotated), _takes(annotated), annotated)


def _meaning(annotated: Any) -> str:
    meaning: str = next(meta.description for meta in annotated.__metadata__ if meta.description)
    return meaning


def _takes(annotated: Any) -> str:
    """What a setting takes, in words that follow "is not"."""
    for meta in annotated.__metadata__:
        if meta.extra:
            return str(meta.extra["takes"])
    kind = typing.get_origin(annotated.__origin__) or annotated.__origin__
    if kind is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(annotated.__origin__)))
    if kind is bool:
        return "true or false"
    if kind is str:
        return "text, and not empty"
    return {int: "a whole number", float: "a number"}[kind] + _range(annotated.__metadata__)


def _range(metas: Iterable[Meta]) -> str:
    low = high = ""
    for meta in metas:
        low = f" of at least {meta.ge}" if meta.ge is not None else low
        low = f" above {meta.gt}" if meta.gt is not None else low
        high = f" and at most {meta.le}" if meta.le is not None else high
    return low + high
