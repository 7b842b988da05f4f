"""Of how many lines one is written, so that there are not too many a second. A decision without a clock of its own."""


class Thinning:
    """Lets through up to `max_per_s` a second, evenly: all, or one in k."""

    def __init__(self, max_per_s: float) -> None:
        self._max_per_s = max_per_s
        self._room = float(max_per_s)
        self._at_ns: int | None = None
        self._passed = 0  # since the last that was let through

    def pick(self, number: int, now_ns: int) -> tuple[range, int]:
        """Which of so many are let through, by their places, and of how many each is one."""
        if self._at_ns is not None and now_ns > self._at_ns:
            gained = (now_ns - self._at_ns) * self._max_per_s / 1e9
            self._room = min(float(self._max_per_s), self._room + gained)
        self._at_ns = now_ns if self._at_ns is None else max(now_ns, self._at_ns)
        if number <= self._room:
            self._room -= number
            self._passed = 0
            return range(number), 1
        room = int(self._room)
        if not room:
            self._passed += number
            return range(0), 1
        self._room -= room
        places = range(0, number, -(-number // room))
        stands_for = round((number + self._passed) / len(places))
        self._passed = 0
        return places, stands_for
