"""Requests that wait: in order of arrival, and by the shape that lets them share a run. No clock, no I/O."""

import heapq
from collections import OrderedDict, deque
from collections.abc import Iterator

from headrace.batching.check import Checked, Key, num_bytes
from headrace.servable import Reply
from headrace.types import Request


class Waiting:
    """One request from its arrival to its answer; owned by the batched model."""

    __slots__ = ("attempts", "done", "key", "length", "num_bytes", "queued", "queued_ns", "reply", "request", "rows")

    def __init__(self, request: Request, checked: Checked, reply: Reply, queued_ns: int) -> None:
        self.request = request
        self.reply = reply
        self.rows = checked.rows
        self.key: Key = checked.key
        self.length = checked.length
        self.num_bytes = num_bytes(request)
        self.queued_ns = queued_ns
        self.queued = False  # in the queue, neither taken nor removed
        self.attempts = 0  # runs that died with it
        self.done = False  # answered, or nobody waits

    def keep_alone(self) -> None:
        """From now on share a run with nobody."""
        self.key = (self,)  # equal to itself only


class _Bucket:
    """Waiting requests of one key."""

    __slots__ = ("rows", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Waiting] = deque()  # those no longer queued are passed over when they come up
        self.rows = 0


class Queue:
    """Waiting requests. The oldest one decides which key is served next, so that no shape starves."""

    def __init__(self) -> None:
        self._order: OrderedDict[int, Waiting] = OrderedDict()
        self._buckets: dict[Key, _Bucket] = {}
        self._deadlines: list[tuple[int, int, Waiting]] = []  # a heap; those no longer queued are passed over
        self.num_bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Waiting]:
        """What waits, in order of arrival."""
        return iter(self._order.values())

    def push(self, item: Waiting) -> None:
        self._enter(item)
        self._buckets[item.key].waiting.append(item)

    def push_front(self, item: Waiting) -> None:
        """Before all others: for what had its turn and lost it."""
        self._enter(item)
        self._order.move_to_end(id(item), last=False)
        self._buckets[item.key].waiting.appendleft(item)

    def remove(self, item: Waiting) -> None:
        """Take one out wherever it stands; nothing happens where it is not queued."""
        if not item.queued:
            return
        bucket = self._leave(item)
        if not bucket.rows:
            del self._buckets[item.key]

    def oldest(self) -> Waiting:
        """The one that has waited longest. Raises StopIteration where nothing waits."""
        return next(iter(self._order.values()))

    def rows_beside(self, item: Waiting) -> int:
        """Rows that could share a run with it, its own included."""
        return self._buckets[item.key].rows

    def take(self, max_rows: int) -> list[Waiting]:
        """The oldest and those that may share its run, in order of arrival, while they fit in `max_rows`."""
        key = self.oldest().key
        bucket = self._buckets[key]
        taken: list[Waiting] = []
        rows = 0
        while bucket.waiting:
            item = bucket.waiting[0]
            if item.queued:
                if taken and rows + item.rows > max_rows:
                    break
                rows += item.rows
                taken.append(item)
                self._leave(item)
            bucket.waiting.popleft()
        if not bucket.rows:
            del self._buckets[key]
        return taken

    def next_deadline(self) -> int | None:
        """The earliest deadline of what waits."""
        heap = self._deadlines
        while heap and not heap[0][2].queued:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def take_late(self, now_ns: int) -> list[Waiting]:
        """Take out those whose deadline has passed."""
        late = []
        while (deadline_ns := self.next_deadline()) is not None and deadline_ns <= now_ns:
            item = heapq.heappop(self._deadlines)[2]
            self.remove(item)
            late.append(item)
        return late

    def clear(self) -> list[Waiting]:
        """Everything that waits, in order of arrival; nothing waits afterwards."""
        items = list(self._order.values())
        for item in items:
            self.remove(item)
        return items

    def _enter(self, item: Waiting) -> None:
        item.queued = True
        self._order[id(item)] = item
        self.num_bytes += item.num_bytes
        bucket = self._buckets.get(item.key)
        if bucket is None:
            bucket = self._buckets[item.key] = _Bucket()
        bucket.rows += item.rows
        deadline_ns = item.request.context.deadline_ns
        if deadline_ns is not None:
            if len(self._deadlines) > 2 * len(self._order) + 64:  # mostly of requests that are gone
                self._deadlines = [entry for entry in self._deadlines if entry[2].queued]
                heapq.heapify(self._deadlines)
            heapq.heappush(self._deadlines, (deadline_ns, id(item), item))

    def _leave(self, item: Waiting) -> _Bucket:
        item.queued = False
        del self._order[id(item)]
        self.num_bytes -= item.num_bytes
        bucket = self._buckets[item.key]
        bucket.rows -= item.rows
        return bucket
