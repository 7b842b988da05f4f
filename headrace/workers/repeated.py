"""What was worked out for something that comes again and again, by its own words: all is forgotten once it is much."""

from typing import TypeVar

MOST = 256
LONGEST = 1024  # bytes of a message that is kept

Said = TypeVar("Said")
Known = TypeVar("Known")


class Repeated(dict[Said, Known]):
    """Owned by whoever is told it."""

    def keep(self, said: Said, known: Known) -> None:
        """Remember it for the next time."""
        if len(self) >= MOST:
            self.clear()
        self[said] = known
