"""Work that would hold up steps, done by threads beside them and picked up between two steps."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


class Aside(Generic[T]):
    """Jobs under way, each under a number. Used from one thread; owns those that do the work until `close`."""

    def __init__(self, threads: int = 2) -> None:
        self._threads = ThreadPoolExecutor(threads, "aside")
        self._jobs: dict[int, Future[T]] = {}
        self._done: deque[int] = deque()  # filled by the threads

    def __len__(self) -> int:
        """Jobs that were not picked up yet."""
        return len(self._jobs)

    @property
    def any_finished(self) -> bool:
        return bool(self._done)

    def start(self, number: int, job: Callable[[], T]) -> None:
        """Do it as soon as a thread is free."""
        future = self._threads.submit(job)
        self._jobs[number] = future
        future.add_done_callback(partial(self._note, number))

    def drop(self, number: int) -> bool:
        """Nobody wants it any more; whether it was under way. What has begun is done to its end and thrown away."""
        future = self._jobs.pop(number, None)
        if future is not None:
            future.cancel()
        return future is not None

    def finished(self) -> list[tuple[int, Future[T]]]:
        """The jobs that ended since the last call, in the order they ended; their `result` gives or raises."""
        found = []
        while self._done:
            number = self._done.popleft()
            future = self._jobs.pop(number, None)
            if future is not None:
                found.append((number, future))
        return found

    def close(self) -> None:
        """Wait for what has begun; what has not is never done."""
        self._threads.shutdown(cancel_futures=True)

    def _note(self, number: int, _: Future[T]) -> None:
        self._done.append(number)
