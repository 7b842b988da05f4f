"""How much of large messages the streams of one connection may send at a time, decided without acting."""


class Intake:
    """Room beyond each stream's first window. It is bounded, and the stream that was first can always go on."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._given: dict[int, int] = {}  # by stream, in the order of their first asking
        self._waiting: dict[int, int] = {}  # what streams asked for and were not given
        self._total = 0

    @property
    def total(self) -> int:
        """Bytes of room that are given and not released."""
        return self._total

    def ask(self, number: int, count: int) -> bool:
        """Whether the stream may be given room for so many bytes more; it has it until it is released."""
        if self._total + count > self._most_bytes and number != next(iter(self._given), number):
            self._given.setdefault(number, 0)
            self._waiting[number] = count
            return False
        self._given[number] = self._given.get(number, 0) + count
        self._waiting.pop(number, None)
        self._total += count
        return True

    def release(self, number: int) -> dict[int, int]:
        """The stream's message is whole, or nobody waits for it. Returns what waited and may be given now."""
        if not self._given:
            return {}  # as with most streams: nothing large is awaited on any
        self._total -= self._given.pop(number, 0)
        self._waiting.pop(number, None)
        if not self._waiting:
            return {}
        return {other: count for other, count in list(self._waiting.items()) if self.ask(other, count)}
