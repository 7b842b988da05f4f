"""The slots of one worker: who may have one, and when the memory that large batches took goes back to the system.

A page that is new to both sides costs six times what copying to it does. So what a large batch took is kept while such
batches come, and goes back, a slot at a time, once none came for a while.
"""

from headrace.clock import Clock, Timer
from headrace.workers.slots import KEPT_BYTES, Slot

NUM_SLOTS = 3  # one that runs, one that is next, one whose answers are being written
LARGE_FOR_NS = 2_000_000_000  # since the last batch that needed it
BETWEEN_NS = 50_000_000  # two slots: it takes some milliseconds where they held much


class SlotPool:
    """Owns the slots of one worker, in use or not."""

    def __init__(self, clock: Clock) -> None:
        self.slots = [Slot.create(index) for index in range(NUM_SLOTS)]
        self._clock = clock
        self._free = list(self.slots)
        self._large: set[int] = set()  # the slots that hold more than is kept for good
        self._large_ns = 0  # when the last batch that needed it ended
        self._timer: Timer | None = None

    def take(self) -> Slot:
        """One that nobody uses: the one that was used last. Raises IndexError where there is none."""
        return self._free.pop()

    def give_back(self, slot: Slot, num_bytes: int = 0) -> None:
        """Nobody reads or writes it any more; its batch had so many bytes with its answer."""
        self._free.append(slot)
        if num_bytes > KEPT_BYTES:
            self._large.add(slot.index)
            self._large_ns = self._clock.now_ns()
            self._timer = self._timer or self._clock.call_at(self._large_ns + LARGE_FOR_NS, self._trim)

    def close(self) -> None:
        """Give back everything, while no worker has it any more."""
        if self._timer:
            self._timer.cancel()
        for slot in self.slots:
            slot.close()

    def _trim(self) -> None:
        """Give the memory of a slot back that nobody needed for a while."""
        now_ns = self._clock.now_ns()
        next_ns = self._large_ns + LARGE_FOR_NS
        if now_ns >= next_ns:
            slot = next((slot for slot in self._free if slot.index in self._large), None)
            if slot is not None:
                slot.trim()
                self._large.remove(slot.index)
            next_ns = now_ns + BETWEEN_NS
        self._timer = self._clock.call_at(next_ns, self._trim) if self._large else None
