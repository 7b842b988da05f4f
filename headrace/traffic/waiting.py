"""Requests of which nothing has come back yet, the first asked first. Knows no clock."""

from typing import Generic, TypeVar

Asked = TypeVar("Asked")


class Waiting(Generic[Asked]):
    """Owns which requests wait, of whatever kind they are."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[Asked, int]] = {}  # and when, by key
        self._last = 0

    def asked(self, request: Asked, now_ns: int) -> int:
        """It waits from now on; returns its key. Times never go back."""
        self._last += 1
        self._asked[self._last] = request, now_ns
        return self._last

    def came(self, key: int) -> bool:
        """It waits no longer; returns whether it did until now, and was not told as overdue."""
        return self._asked.pop(key, None) is not None

    def overdue(self, before_ns: int) -> list[Asked]:
        """Those that were asked before then; they count as waiting no longer."""
        late = []
        for key, (_, asked_ns) in self._asked.items():
            if asked_ns >= before_ns:
                break
            late.append(key)
        return [self._asked.pop(key)[0] for key in late]
