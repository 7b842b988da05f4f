"""Responses that are kept with their items, each for its tenant, so that conversations go on: as many as have room."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headrace.errors import InvalidRequest, NotFound
from headrace.protocols.openai.response_items import Items

MAX_RESPONSES = 1024
MAX_BYTES = 64 << 20


class Stored(msgspec.Struct, frozen=True):
    """A response, and the items that it answered: those of the conversation before it, then its own input."""

    response: Mapping[str, Any]
    input: Items
    tenant: str = ""  # who asked, and alone may know of it

    @property
    def conversation(self) -> Items:
        """What the next response goes on from."""
        return (*self.input, *self.response["output"])


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
        self._stored: OrderedDict[str, tuple[Stored, int]] = OrderedDict()  # with its size
        self._items: dict[tuple[str, str], tuple[Mapping[str, Any], int]] = {}
        """Of all that is kept, by tenant and id; with how often: each response has the items of those before it."""
        self._num_bytes = 0

    def __len__(self) -> int:
        return len(self._stored)

    def put(self, stored: Stored) -> None:
        """Keep a response; one that alone is over the limit is not kept."""
        size = len(msgspec.json.encode(stored))
        if size > self._max_bytes:
            return
        self._stored[stored.response["id"]] = stored, size
        self._num_bytes += size
        for item in stored.conversation:
            _, times = self._items.get((stored.tenant, item["id"]), (item, 0))
            self._items[stored.tenant, item["id"]] = item, times + 1
        while self._num_bytes > self._max_bytes or len(self._stored) > self._max_responses:
            self._drop(next(iter(self._stored)))

    def get(self, id_: str, tenant: str, where: str = "response_id") -> Stored:
        """Raises NotFound, also where it was kept once and others needed its room."""
        stored, _ = self._stored.get(id_, (None, 0))
        if stored is None or stored.tenant != tenant:
            raise NotFound(f"no response {id_[:64]!r} is kept here", where)
        self._stored.move_to_end(id_)
        return stored

    def item(self, id_: str, tenant: str, where: str) -> Mapping[str, Any]:
        """An item that some response which is kept answered or gave. Raises NotFound."""
        item, _ = self._items.get((tenant, id_), (None, 0))
        if item is None:
            raise NotFound(f"no item {id_[:64]!r} is kept here; send what it says", where)
        return item

    def delete(self, id_: str, tenant: str) -> None:
        """Forget a response; one that is being streamed goes on, and is not kept when it ends. Raises NotFound."""
        running = self._running(id_, tenant)
        if running is not None:
            del self.running[id_]
            running.forget()
            return
        self.get(id_, tenant)
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

    def _drop(self, id_: str) -> None:
        """A response, and those of its items that no other has."""
        stored, size = self._stored.pop(id_)
        self._num_bytes -= size
        for item in stored.conversation:
            key = stored.tenant, item["id"]
            kept, times = self._items.pop(key)
            if times > 1:
                self._items[key] = kept, times - 1

    def _running(self, id_: str, tenant: str) -> Running | None:
        running = self.running.get(id_)
        return running if running is not None and running.tenant == tenant else None
