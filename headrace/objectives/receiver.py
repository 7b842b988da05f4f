"""One place that notices go to: a short queue and a thread of its own, so that nobody else ever waits for it."""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable

from headrace.objectives.notices import Notice, Policy

log = logging.getLogger(__name__)

WAITING = 100
"""Notices; there is one a group at most."""

PAUSES_S = (1.0, 5.0)
"""Between one try and the next."""

Send = Callable[[Notice], None]
"""Hands a notice over and waits for that. Raises Undelivered where it could not be."""


class Undelivered(Exception):
    """Why a notice did not arrive, in words that hold no secret. `again`: another try may help."""

    def __init__(self, why: str, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


class Receiver:
    """Takes notices on the event loop's thread and sends them on its own. What cannot be sent is counted.

    Its policy is asked and told on the event loop's thread alone.
    """

    def __init__(self, name: str, policy: Policy, send: Send, waiting: int = WAITING) -> None:
        self.name = name
        self.policy = policy
        self.sent = 0
        self.dropped: Counter[str] = Counter()  # by reason: full, failed
        self.fault = ""  # why the last notice did not arrive
        self._send = send
        self._queue: queue.Queue[Notice | None] = queue.Queue(waiting)
        self._outcomes: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"alerts-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, notice: Notice) -> None:
        """Have it sent; returns at once."""
        try:
            self._queue.put_nowait(notice)
        except queue.Full:
            self.dropped["full"] += 1
            self.policy.settled(notice.group, told=False)

    def settle(self) -> None:
        """Tell the policy what became of notices since the last time."""
        while not self._outcomes.empty():
            group, fault = self._outcomes.get()
            self.policy.settled(group, told=fault is None)
            if fault is None:
                self.sent += 1
                self.fault = ""
            else:
                self.dropped["failed"] += 1
                if fault != self.fault:
                    log.warning("a notice to %s did not arrive: %s", self.name, fault)
                self.fault = fault

    def close(self, within_s: float) -> None:
        """Send what waits, if that can be done so soon; a thread that waits for longer ends with the process."""
        self._closing.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        if self._thread.is_alive():
            self._thread.join(within_s)

    def _run(self) -> None:
        while (notice := self._queue.get()) is not None:
            self._outcomes.put((notice.group, self._try(notice)))

    def _try(self, notice: Notice) -> str | None:
        """Why it did not arrive, or None."""
        for pause_s in (*PAUSES_S, None):
            try:
                self._send(notice)
                return None
            except Undelivered as undelivered:
                fault = str(undelivered)
                if pause_s is None or not undelivered.again or self._closing.wait(pause_s):
                    return fault
            except Exception as error:
                # A fault of ours in one notice must not be the end of all those after it.
                log.exception("a notice to %s could not be made", self.name)
                return type(error).__name__
        return None
