"""Bodies of requests: JSON with the documented fields and no others; an unknown one is refused with its kin there."""

import difflib
import re
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request

from headrace.errors import InvalidRequest
from headrace.protocols.body_type import field_names
from headrace.protocols.http import read_json
from headrace.protocols.json_body import decode

T = TypeVar("T")

MAX_NESTING = 128

MAX_LISTED = 16_384
Listed = Annotated[list[T], Meta(max_length=MAX_LISTED)]
"""What is gone through piece by piece, for so long all others wait."""

_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every object of a body is: its fields, and nothing else."""


class Reader(Generic[T]):
    """Reads bodies of one type."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    async def read(self, request: Request, limit_bytes: int) -> T:
        """The body. Raises BodyTooLarge, or InvalidRequest with the path of the field that is wrong or unknown."""
        try:
            return await read_json(request, self._decoder, limit_bytes)
        except InvalidRequest as error:
            raise self._explain(error) from error

    def decode(self, body: bytes) -> T:
        """The same, of a body that is here."""
        try:
            return decode(self._decoder, body)
        except InvalidRequest as error:
            raise self._explain(error) from error

    def _explain(self, error: InvalidRequest) -> InvalidRequest:
        found = _UNKNOWN.match(error.message)
        if not found:
            return error
        field = found["field"]
        near = difflib.get_close_matches(field[:64], field_names(self._decoder.type, error.where), n=1)
        message = f"is not known here; did you mean {near[0]!r}?" if near else "is not known here"
        return InvalidRequest(message, f"{error.where}.{field[:64]}".removeprefix("."))


def refuse_unless_absent(fields: dict[str, tuple[Any, str]]) -> None:
    """Raises InvalidRequest for the first field that has a value, with the reason given beside it."""
    for name, (value, reason) in fields.items():
        if value is not None:
            raise InvalidRequest(reason, name)


def check_nesting(value: object, where: str) -> None:
    """Raises InvalidRequest for what nests so deep that some reader of it, further on, would give up."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_NESTING:
            raise InvalidRequest(f"is nested deeper than {MAX_NESTING} levels", where)
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [child for children in inner for child in children]
