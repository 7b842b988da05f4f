"""Where the rows of a batch lie in a slot, and the message that tells a worker so.

Batches come again and again in the same shapes: what was worked out for one is kept for the next.
"""

from operator import attrgetter

import msgspec

from headrace.batching.instance import Rows, Work
from headrace.workers import wire
from headrace.workers.repeated import LONGEST, Repeated
from headrace.workers.run_limit import RunLimit, SizeLimit
from headrace.workers.slots import Slot, lay_out

_described = attrgetter("name", "datatype", "shape")


class Layout(msgspec.Struct, frozen=True):
    """Of a batch in one slot."""

    size: int  # of its inputs, from the slot's first byte
    places: tuple[tuple[int, int], ...]  # of each input: where it begins, and its bytes
    message: bytes  # to the worker
    limit: SizeLimit  # of its run

    def lay(self, slot: Slot, inputs: tuple[Rows, ...]) -> bool:
        """Lay them into the slot; False where they are not as long as their places."""
        memory = slot.inputs.room(self.size)
        try:
            for rows, (offset, size) in zip(inputs, self.places, strict=True):
                memory.seek(offset)
                if sum(map(memory.write, rows.parts)) != size:
                    return False
        except ValueError:  # they go beyond the memory's end
            return False
        return True


class Layouts:
    """Lays batches into slots."""

    def __init__(self, limits: RunLimit) -> None:
        self._limits = limits
        self._known: Repeated[object, Layout] = Repeated()

    def lay(self, slot: Slot, work: Work) -> Layout:
        """Lay the rows of a batch into a slot."""
        form = slot.index, *map(_described, work.inputs), work.outputs
        layout = self._known.get(form)
        if layout is None or not layout.lay(slot, work.inputs):
            layout = self._made(slot, work)
            layout.lay(slot, work.inputs)
            if len(layout.message) <= LONGEST and _keeps_size(work):
                self._known.keep(form, layout)
        return layout

    def _made(self, slot: Slot, work: Work) -> Layout:
        sizes = [sum(map(len, rows.parts)) for rows in work.inputs]
        offsets, end = lay_out(sizes)
        places = tuple(zip(offsets, sizes, strict=True))
        parts = [wire.Part(*_described(rows), *place) for rows, place in zip(work.inputs, places, strict=True)]
        message = wire.encode(wire.Run(slot.index, end, tuple(parts), work.outputs))
        return Layout(end, places, message, self._limits.of(end))


def _keeps_size(work: Work) -> bool:
    """Whether other rows of these shapes are as long: strings are not."""
    return all(rows.datatype != "BYTES" for rows in work.inputs)
