"""What became of each simulated request: written down once, read by every figure."""

from array import array
from typing import Final

from headrace.batching.check import Key
from headrace.batching.job import Job

WAITING: Final = 0
ANSWERED: Final = 1
REFUSED: Final = 2  # on arrival
GIVEN_UP: Final = 3  # it was let in, and cost no run
LEFT: Final = 4  # its client went away, before it was run
LEFT_RUNNING: Final = 5  # or while it was


class Asked(Job):
    """One simulated request; owned by the machine that it was sent to until it is over."""

    __slots__ = ("client", "machine", "number")

    def __init__(self, number: int, rows: int, length: int, key: Key, queued_ns: int) -> None:
        super().__init__(rows, length, key, queued_ns)
        self.number = number
        self.client: int | None = None  # of a closed loop
        self.machine = 0


class Outcomes:
    """By number of request; owned by one simulation."""

    def __init__(self) -> None:
        self.due_ns = array("q")
        """When each was sent."""
        self.done_ns = array("q")
        """When each was over."""
        self.verdicts = bytearray()
        self.rows = array("q")
        self.lengths = array("q")
        self.tenants: list[str] = []

    def __len__(self) -> int:
        return len(self.verdicts)

    def sent(self, due_ns: int, rows: int, length: int, tenant: str) -> int:
        """One more is sent; its number."""
        self.due_ns.append(due_ns)
        self.done_ns.append(0)
        self.verdicts.append(WAITING)
        self.rows.append(rows)
        self.lengths.append(length)
        self.tenants.append(tenant)
        return len(self.verdicts) - 1

    def over(self, number: int, verdict: int, now_ns: int) -> None:
        """It is over. Raises RuntimeError where it was before: nobody is answered twice."""
        if self.verdicts[number] != WAITING:
            raise RuntimeError(f"request {number} is over for the second time")
        self.verdicts[number] = verdict
        self.done_ns[number] = now_ns
