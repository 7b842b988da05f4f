"""When a worker that died starts again: at once, and later each time while it serves nothing in between. Pure."""

import msgspec

FIRST_S = 0.1
LONGEST_S = 30.0
MOST_DEATHS = 5  # in a row, with nothing served between them: two requests that kill come to four, each is run twice
MOST_FAILED_STARTS = 2  # in a row: no request had to do with them


class Restarts(msgspec.Struct, frozen=True):
    """How often in a row it died without having served anything, and how often of those it did not even start."""

    fruitless: int = 0
    failed_starts: int = 0

    def after(self, served: bool) -> "Restarts":
        """The count after one more death."""
        return Restarts(0 if served else self.fruitless + 1)

    def after_failed_start(self) -> "Restarts":
        """The count after one more that did not come to serve."""
        return Restarts(self.fruitless + 1, self.failed_starts + 1)

    @property
    def delay_s(self) -> float:
        if not self.fruitless:
            return 0.0
        return float(min(LONGEST_S, FIRST_S * 2 ** (self.fruitless - 1)))

    @property
    def given_up(self) -> bool:
        """So often that requests are better refused than kept waiting; it is tried again all the same."""
        return self.fruitless >= MOST_DEATHS or self.failed_starts >= MOST_FAILED_STARTS
