"""Responses that are kept, so that a conversation can go on from them: as many as there is room for, no more."""

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

    @property
    def conversation(self) -> Items:
        """What the next response goes on from."""
        return (*self.input, *self.response["output"])


class Running(msgspec.Struct, frozen=True):
    """A response that is being streamed."""

    response: Callable[[], Mapping[str, Any]]  # so far
    cancel: Callable[[], Mapping[str, Any]]  # ends it, and gives what it had come to


class ResponseStore:
    """Owns the responses of one server; what was not used for longest goes first. All calls come on the event loop."""

    def __init__(self, max_responses: int = MAX_RESPONSES, max_bytes: int = MAX_BYTES) -> None:
        self.running: dict[str, Running] = {}  # by id; bounded by the requests that may run
        self._max_responses = max_responses
        self._max_bytes = max_bytes
        self._stored: OrderedDict[str, tuple[Stored, int]] = OrderedDict()  # with its size
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
        while self._num_bytes > self._max_bytes or len(self._stored) > self._max_responses:
            _, (_, dropped) = self._stored.popitem(last=False)
            self._num_bytes -= dropped

    def get(self, id_: str, where: str = "response_id") -> Stored:
        """Raises NotFound, also where it was kept once and others needed its room."""
        if id_ not in self._stored:
            raise NotFound(f"no response {id_[:64]!r} is kept here", where)
        self._stored.move_to_end(id_)
        return self._stored[id_][0]

    def delete(self, id_: str) -> None:
        """Raises NotFound."""
        self.get(id_)
        self._num_bytes -= self._stored.pop(id_)[1]

    def response(self, id_: str) -> Mapping[str, Any]:
        """A response that is kept, or as far as it has come. Raises NotFound."""
        running = self.running.get(id_)
        return self.get(id_).response if running is None else running.response()

    def cancel(self, id_: str) -> Mapping[str, Any]:
        """End a response that is being streamed. Raises NotFound, or InvalidRequest where it has ended already."""
        running = self.running.get(id_)
        if running is None:
            status = self.get(id_).response["status"]
            raise InvalidRequest(f"is {status}; only a response that is being streamed can be cancelled", "response_id")
        return running.cancel()
