"""Inferences that come in one turn of the event loop and differ in their tensors' bytes alone: asked as one.

What is done for each request costs more than the run of a small model. Of such models, requests of one form wait for
the end of the turn that brought them, as they would in the model's queue, and go there as one: checked, queued, run and
recorded together. Where that fails in any way each is asked for itself, as if nothing had been.
"""

import logging
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import msgspec

from headrace.clock import Clock
from headrace.errors import HeadraceError
from headrace.gateway.bundles import Parted
from headrace.gateway.gateway import Gateway
from headrace.protocols.oip.coming import Coming
from headrace.types import Buffer, Bundle, Context, ModelRef, Parameter, Request, Response, Shape, Tensor

log = logging.getLogger(__name__)

HELD_NS = 2_000_000
"""At most, while others are under way: their runs take a twentieth of that."""


class Asker(Protocol):
    """Whoever asks one of the requests, and is told its answer."""

    def told(self, answer: Parted, place: int) -> None:
        """Here it is, at that place; valid during the call."""
        ...

    def ask_alone(self) -> None:
        """Ask for yourself: as one it failed."""
        ...


class Form(msgspec.Struct, frozen=True):
    """What requests are alike in that may be asked as one."""

    model: ModelRef
    inputs: Sequence[tuple[str, str, Shape]]  # name, datatype, and shape
    outputs: tuple[str, ...]
    protocol: str
    parameters: Mapping[str, Parameter] = {}

    @property
    def rows(self) -> int:
        """Of one request; 0 where there is no telling, and none is asked with others."""
        sizes = {shape[0] if shape else 0 for _, _, shape in self.inputs}
        return sizes.pop() if len(sizes) == 1 else 0


class Line:
    """Requests of one form. Owned by what knows that form."""

    def __init__(self, form: Form, gateway: Gateway, clock: Clock) -> None:
        self._form = form
        self._rows = form.rows
        self._gateway = gateway
        self._clock = clock
        self._coming = Coming()
        self._most = 0  # of those that are held now
        self._bundles = 0  # that may be under way before others are held
        self._under_way = 0
        self._looking = False  # whether a look at those that are held is on its way
        self._watched = False  # whether the clock will say when they were held for long enough
        self._requests: dict[int, tuple[Tensor, ...]] = {}  # the inputs of so many together
        self._begin()

    def takes(self, arrived_ns: int) -> bool:
        """Whether one that arrived then is to be held (`hold`): others are here, or likely to come in this turn."""
        if not self._coming.came(arrived_ns):
            return False
        if not self._held:
            most, self._bundles = self._gateway.together(self._form.model)
            self._most = most // self._rows if self._rows else 0
            if self._most < 2:
                self._coming.refused()
        return self._most > 1

    def hold(self, asker: Asker, id_: str, arrived_ns: int, contents: Sequence[Buffer]) -> Callable[[], object]:
        """Ask with others, or alone, at the end of this turn, or once the model has time for more. Returns how to say
        that the asker went away."""
        held = self._held
        if len(held) == self._most:
            self._close()
            held = self._held
        place = len(held)
        if not place:
            self._expected = self._gateway.expect()
            self._look_soon()
        held.append((asker, id_, arrived_ns, contents))
        return partial(self._left.add, place)

    def _begin(self) -> None:
        self._held: list[tuple[Asker, str, int, Sequence[Buffer]]] = []
        self._left: set[int] = set()
        self._seen = 0

    def _look_soon(self) -> None:
        if not self._looking:
            self._looking = True
            self._clock.call_soon(self._look)

    def _look(self) -> None:
        """As long as each turn brings something, it may go on: the larger a bundle, the less is done for each."""
        self._looking = False
        held = len(self._held)
        if not held:
            return  # they went meanwhile
        if self._under_way >= self._bundles and held < self._most:
            self._watch()  # it goes on until one of those is answered
        elif self._seen < held < self._most:
            self._seen = held
            self._look_soon()
        else:
            self._close()

    def _watch(self) -> None:
        """In the model's queue deadlines are kept: what is not answered as soon as usual is waited for there."""
        if not self._watched:
            self._watched = True
            self._clock.call_at(self._overdue_ns, self._look_overdue)

    @property
    def _overdue_ns(self) -> int:
        """When the first of those that are held has been for long enough."""
        return self._held[0][2] + HELD_NS

    def _look_overdue(self) -> None:
        self._watched = False
        if not self._held:
            return
        if self._clock.now_ns() < self._overdue_ns:
            self._watch()  # it was set for others, who were answered meanwhile
        else:
            self._close()

    def _close(self) -> None:
        held, left = self._held, self._left
        self._begin()
        self._coming.closed(len(held))
        askers, ids, arrived_ns, contents = zip(*held, strict=True)
        with self._expected:
            if len(left) < len(held):
                self._ask(askers, Bundle(ids, array("q", arrived_ns), contents, left))

    def _ask(self, askers: Sequence[Asker], bundle: Bundle) -> None:
        form, number = self._form, len(askers)
        inputs = self._requests.get(number)
        if inputs is None:
            inputs = self._requests[number] = tuple(
                [Tensor(name, datatype, (shape[0] * number, *shape[1:]), b"") for name, datatype, shape in form.inputs]
            )
        context = Context(bundle.arrived_ns[0], form.protocol)
        request = Request(bundle.ids[0], form.model, inputs, form.outputs, form.parameters, context, bundle=bundle)
        self._under_way += 1
        self._gateway.submit_together(request, bundle, partial(self._answered, askers, bundle))

    def _answered(self, askers: Sequence[Asker], bundle: Bundle, answer: Response | HeadraceError) -> None:
        self._under_way -= 1
        if len(self._held) >= len(askers):
            self._close()  # the model has its next run before these answers are written
        elif self._held:
            self._look_soon()  # these are few: whom an answer reaches now may well come once more
        if isinstance(answer, HeadraceError):
            _each_alone(askers, bundle.left)
            return
        parted = Parted(answer, len(askers))
        for place, asker in enumerate(askers):
            try:
                asker.told(parted, place)
            except Exception:
                log.exception("an answer of %s could not be delivered", answer.model)  # the others' can


def _each_alone(askers: Sequence[Asker], left: set[int]) -> None:
    for place, asker in enumerate(askers):
        if place not in left:
            asker.ask_alone()
