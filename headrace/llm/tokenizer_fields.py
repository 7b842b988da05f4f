"""The tokenizer fields of a GGUF file, each checked where it is read."""

import enum
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

from headrace.errors import ModelInvalid

MAX_TOKENS = 2_000_000
MAX_TOKEN_CHARACTERS = 65_536


class Kind(enum.IntEnum):
    """GGUF's `token_type`."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER = 4
    UNUSED = 5
    BYTE = 6


class Fields:
    """Reads fields by their names without `tokenizer.ggml.`; every reader raises ModelInvalid that names the field."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields
        self._tokens: list[str] | None = None
        self._kinds: list[int] | None = None

    def where(self, name: str) -> str:
        return f"tokenizer.ggml.{name}"

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def size(self, name: str) -> int:
        """Elements of an array; 1 of anything else."""
        value: Any = self._fields.get(name)
        return len(value) if hasattr(value, "__len__") else 1

    def text(self, name: str, default: str | None = None) -> str:
        value = self._fields.get(name, default)
        if not isinstance(value, str):
            raise ModelInvalid(f"a text is needed, not {_shown(value)}", self.where(name))
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._fields.get(name, default)
        return bool(value) if not hasattr(value, "__len__") else default

    def texts(self, name: str) -> list[str]:
        value = self._array(name)
        if not all(isinstance(item, str) for item in value):
            raise ModelInvalid("every element must be a text", self.where(name))
        return [str(item) for item in value]

    def tokens(self) -> list[str]:
        if self._tokens is None:
            tokens = self.texts("tokens")
            if not tokens or len(tokens) > MAX_TOKENS:
                raise ModelInvalid(f"1 to {MAX_TOKENS:,} tokens are needed, not {len(tokens):,}", self.where("tokens"))
            if any(len(token) > MAX_TOKEN_CHARACTERS for token in tokens):
                raise ModelInvalid(f"a token has more than {MAX_TOKEN_CHARACTERS:,} characters", self.where("tokens"))
            self._tokens = tokens
        return self._tokens

    def kinds(self, count: int) -> list[int]:
        """The kind of each token; all are normal where the file does not say."""
        if self._kinds is None:
            self._kinds = [int(kind) for kind in self._numbers("token_type", count)] or [Kind.NORMAL] * count
        return self._kinds

    def scores(self, count: int) -> list[float]:
        scores = self._numbers("scores", count)
        if not scores:
            raise ModelInvalid("merges follow from the scores, and there are none", self.where("scores"))
        return scores

    def token_id(self, name: str, count: int, default: int) -> int:
        """A token's id, below `count`."""
        value = self._fields.get(name, default)
        if not _is_number(value) or not 0 <= int(value) < count:
            raise ModelInvalid(f"a token's id below {count} is needed, not {_shown(value)}", self.where(name))
        return int(value)

    def token_ids(self, name: str, count: int) -> list[int]:
        """The id as a list, empty where the file does not say."""
        return [self.token_id(name, count, 0)] if self.has(name) else []

    def _array(self, name: str) -> Sequence[Any]:
        value: Any = self._fields.get(name)
        if isinstance(value, str | bytes) or not hasattr(value, "__len__"):
            raise ModelInvalid(f"an array is needed, not {_shown(value)}", self.where(name))
        values: Sequence[Any] = value.tolist() if hasattr(value, "tolist") else value
        return values

    def _numbers(self, name: str, count: int) -> list[float]:
        if not self.has(name):
            return []
        value = self._array(name)
        if len(value) != count:
            raise ModelInvalid(f"{len(value):,} elements for {count:,} tokens", self.where(name))
        if not all(_is_number(item) for item in value):
            raise ModelInvalid("every element must be a number", self.where(name))
        return [float(item) for item in value]


def _is_number(value: object) -> bool:
    """Also of numpy's scalars, which are no `int`."""
    return isinstance(value, Real) and math.isfinite(value)


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)[:80]
