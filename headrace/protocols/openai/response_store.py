"""Responses that are kept with their items, each for its tenant, so that conversations go on: as many as have room."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headrace.errors import InvalidRequest, NotFound
from headrace.protocols.openai.response_items import Items

MAX_RESPONSES = 1024
MAX_BYTES = 64 << 20

ITEM_BYTES = 256
"""Of memory that an item takes beside its JSON: by that alone, short ones would be counted at a quarter."""


class Stored(msgspec.Struct, frozen=True):
    """A response, and the items that it answered: those of the conversation before it, then its own input."""

    response: Mapping[str, Any]
    input: Items
    tenant: str = ""  # who asked, and alone may know of it

    @property
    def conversation(self) -> Items:
        """What the next response goes on from."""
        return (*self.input, *self.response["output"])


class _Kept(msgspec.Struct, frozen=True, gc=False):
    """A `Stored` as JSON: as objects it would take up to 24 times as much, each of which a collection walks through."""

    response: bytes  # without its output
    items: tuple[tuple[str, bytes], ...]  # of the conversation, by their ids
    num_input: int  # of them
    tenant: str

    @classmethod
    def of(cls, stored: Stored) -> "_Kept":
        response = _encoded({**stored.response, "output": ()})
        items = tuple((item["id"], _encoded(item)) for item in stored.conversation)
        return cls(response, items, len(stored.input), stored.tenant)

    @property
    def num_bytes(self) -> int:
        return len(self.response) + sum(ITEM_BYTES + len(item) for _, item in self.items)

    def stored(self) -> Stored:
        items = [msgspec.json.decode(item) for _, item in self.items]
        response = msgspec.json.decode(self.response) | {"output": items[self.num_input :]}
        return Stored(response, tuple(items[: self.num_input]), self.tenant)


class Running(msgspec.Struct, frozen=True):
    """A response that is being streamed."""

    response: Callable[[], Mapping[str, Any]]  # so far
    cancel: Callable[[], Mapping[str, Any]]  # ends it, and gives what it had come to
    forget: Callable[[], None]  # it goes on, and is not kept when it ends
    tenant: str = ""


class ResponseStore:
    """Owns the responses of one server; what was not used for longest goes first. All calls come on the event loop.

    To any but its tenant a response is one that was never kept.
    """

    def __init__(self, max_responses: int = MAX_RESPONSES, max_bytes: int = MAX_BYTES) -> None:
        self.running: dict[str, Running] = {}  # by id; bounded by the requests that may run
        self._max_responses = max_responses
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._items: dict[tuple[str, str], list[bytes]] = {}
        """Of all that is kept, by tenant and id; once for each response: each has the items of those before it."""
        self._num_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, stored: Stored) -> None:
        """Keep a response; one that alone is over the limit is not kept."""
        kept = _Kept.of(stored)
        if kept.num_bytes > self._max_bytes:
            return
        self._kept[stored.response["id"]] = kept
        self._num_bytes += kept.num_bytes
        for id_, item in kept.items:
            self._items.setdefault((kept.tenant, id_), []).append(item)
        while self._num_bytes > self._max_bytes or len(self._kept) > self._max_responses:
            self._drop(next(iter(self._kept)))

    def get(self, id_: str, tenant: str, where: str = "response_id") -> Stored:
        """Raises NotFound, also where it was kept once and others needed its room."""
        return self._find(id_, tenant, where).stored()

    def item(self, id_: str, tenant: str, where: str) -> Mapping[str, Any]:
        """An item that some response which is kept answered or gave. Raises NotFound."""
        items = self._items.get((tenant, id_))
        if items is None:
            raise NotFound(f"no item {id_[:64]!r} is kept here; send what it says", where)
        found: dict[str, Any] = msgspec.json.decode(items[0])
        return found

    def delete(self, id_: str, tenant: str) -> None:
        """Forget a response; one that is being streamed goes on, and is not kept when it ends. Raises NotFound."""
        running = self._running(id_, tenant)
        if running is not None:
            del self.running[id_]
            running.forget()
            return
        self._find(id_, tenant)
        self._drop(id_)

    def response(self, id_: str, tenant: str) -> Mapping[str, Any]:
        """A response that is kept, or as far as it has come. Raises NotFound."""
        running = self._running(id_, tenant)
        return self.get(id_, tenant).response if running is None else running.response()

    def cancel(self, id_: str, tenant: str) -> Mapping[str, Any]:
        """End a response that is being streamed. Raises NotFound, or InvalidRequest where it has ended already."""
        running = self._running(id_, tenant)
        if running is None:
            status = self.get(id_, tenant).response["status"]
            raise InvalidRequest(f"is {status}; only a response that is being streamed can be cancelled", "response_id")
        return running.cancel()

    def _find(self, id_: str, tenant: str, where: str = "response_id") -> _Kept:
        kept = self._kept.get(id_)
        if kept is None or kept.tenant != tenant:
            raise NotFound(f"no response {id_[:64]!r} is kept here", where)
        self._kept.move_to_end(id_)
        return kept

    def _drop(self, id_: str) -> None:
        """A response, and those of its items that no other has."""
        kept = self._kept.pop(id_)
        self._num_bytes -= kept.num_bytes
        for item_id, item in kept.items:
            items = self._items[kept.tenant, item_id]
            items.remove(item)
            if not items:
                del self._items[kept.tenant, item_id]

    def _running(self, id_: str, tenant: str) -> Running | None:
        running = self.running.get(id_)
        return running if running is not None and running.tenant == tenant else None


def _encoded(value: Mapping[str, Any]) -> bytes:
    """Copied: what the encoder gives keeps the room that it was written in, half as much again."""
    return bytes(memoryview(msgspec.json.encode(value)))
