"""One request of an engine, as the server keeps it until its last answer."""

from collections.abc import Callable

from headrace.clock import Timer
from headrace.generation import Result
from headrace.llm.terms import Terms
from headrace.servable import Reply
from headrace.types import Tensor
from headrace.workers import engine_wire as wire
from headrace.workers.generation_story import Story
from headrace.workers.resumption import Resumption


class Call:
    """A request until its last answer."""

    __slots__ = (
        "add",
        "answered",
        "device_ns",
        "number",
        "outputs",
        "reply",
        "resumption",
        "sent",
        "story",
        "terms",
        "timer",
    )

    def __init__(
        self, number: int, add: bytes, terms: Terms, reply: Reply, outputs: Callable[[Result], tuple[Tensor, ...]]
    ) -> None:
        self.number = number
        self.add = add  # encoded
        self.terms = terms
        self.story: Story | None = None  # of a generation
        self.reply = reply
        self.outputs = outputs
        self.answered = False  # something
        self.sent = False  # to any engine
        self.resumption: Resumption | None = None  # of a stream
        self.timer: Timer | None = None
        self.device_ns = 0  # that it had of the device's time


def resumed(call: Call) -> bytes:
    """The request encoded, with what its caller was told of it by engines that are gone."""
    if not (call.resumption and call.resumption.begun):
        return call.add
    add = wire.decode_add(call.add)
    return wire.encode(wire.Add(add.number, add.ask, add.terms, call.resumption.told()))
