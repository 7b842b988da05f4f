"""Streams that the server ended before their client did: what still comes for them is on its way, and no fault."""

_MOST = 1024


class Forgotten:
    """The latest of them by number."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers: dict[int, None] = {}

    def add(self, number: int) -> None:
        self._numbers[number] = None
        if len(self._numbers) > _MOST:
            del self._numbers[next(iter(self._numbers))]

    def __contains__(self, number: int) -> bool:
        return number in self._numbers
