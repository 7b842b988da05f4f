"""Bodies of requests: JSON with the documented fields and no others.

An unknown one is refused with its kin there, unless it is null, and so says nothing: clients send back what they got,
with every field that their own kind of it has.
"""

import asyncio
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request

from headrace.errors import InvalidRequest
from headrace.protocols.body_type import without_unknown_nulls
from headrace.protocols.elements import LONG_BYTES
from headrace.protocols.http import read_text
from headrace.protocols.json_body import decode, is_of_unknown_field
from headrace.protocols.unread import meant_by
from headrace.types import Buffer

T = TypeVar("T")

MAX_NESTING = 128
MAX_ELEMENTS = 32_768

MAX_LISTED = 16_384
Listed = Annotated[list[T], Meta(max_length=MAX_LISTED)]
"""What is gone through piece by piece, for so long all others wait."""


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every object of a body is: its fields, and nothing else."""


class Reader(Generic[T]):
    """Reads bodies of one type."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    async def read(self, request: Request, limit_bytes: int) -> T:
        """The body. Raises BodyTooLarge, or InvalidRequest with the path of the field that is wrong or unknown."""
        body = await read_text(request, limit_bytes)
        try:
            return await self._decoded(body)
        except InvalidRequest:
            meant_by(request, body)
            raise

    async def _decoded(self, body: Buffer) -> T:
        try:
            return decode(self._decoder, body)
        except InvalidRequest as error:
            is_long = len(body) > LONG_BYTES
            bare = await asyncio.to_thread(self._bare, error, body) if is_long else self._bare(error, body)
            if bare is None:
                raise
        return decode(self._decoder, bare)

    def decode(self, body: Buffer, where: str = "") -> T:
        """The same, of a body that is here, or a part of one whose path is `where`."""
        try:
            return decode(self._decoder, body, where)
        except InvalidRequest as error:
            bare = self._bare(error, body)
            if bare is None:
                raise
        return decode(self._decoder, bare, where)

    def _bare(self, error: InvalidRequest, body: Buffer) -> bytes | None:
        """A body that was refused for an unknown field, without those that are null; None where there are none."""
        if not is_of_unknown_field(error) or b"null" not in bytes(memoryview(body)):
            return None
        try:
            value = msgspec.json.decode(body)
            bare = without_unknown_nulls(value, self._decoder.type)
            return None if bare == value else msgspec.json.encode(bare)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
            return None  # what comes behind the field is no JSON, or a number that cannot be written again


def refuse_unless_absent(fields: dict[str, tuple[Any, str]]) -> None:
    """Raises InvalidRequest for the first field that has a value, with the reason given beside it."""
    for name, (value, reason) in fields.items():
        if value is not None:
            raise InvalidRequest(reason, name)


def check_nesting(value: object, where: str) -> None:
    """Raises InvalidRequest for what nests so deep that some reader of it, further on, would give up, or is of so many
    elements that all others would wait for each reader."""
    level, depth, count = [value], 0, 0
    while level:
        depth += 1
        if depth > MAX_NESTING:
            raise InvalidRequest(f"is nested deeper than {MAX_NESTING} levels", where)
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        count += sum(map(len, inner))
        if count > MAX_ELEMENTS:
            raise InvalidRequest(f"has more than {MAX_ELEMENTS} elements, the most that are taken", where)
        level = [child for children in inner for child in children]
