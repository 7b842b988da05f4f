"""Whether long requests are let in nearly as often as all: what fits only a large gap is refused first. Pure."""

FOLLOW = 1 / 128
FOLLOW_LONG = 1 / 32  # there are ten times fewer of them
UNEVEN, EVEN = 0.65, 0.9  # of all's share, that long ones are let in
STRICTER = 0.15, 0.05  # by so much, the more of all are refused: the more short ones there are to take every gap


class Evenness:
    """How often requests are let in of late, the long ones and all."""

    def __init__(self) -> None:
        self.share = 1.0
        """1 where long ones are let in as often as all, 0 where far less often: what others may then have of what would
        be to the short ones' gain alone, and how little of the long ones' time they need leave free."""
        self._all = 1.0
        self._long = 1.0

    def copied(self) -> "Evenness":
        """One that goes its own way from here."""
        copy = Evenness()
        copy.share, copy._all, copy._long = self.share, self._all, self._long
        return copy

    def arrived(self, *, is_long: bool, let_in: bool) -> None:
        """One more was let in or refused."""
        counts = 1.0 if let_in else 0.0
        self._all += FOLLOW * (counts - self._all)
        if is_long:
            self._long += FOLLOW_LONG * (counts - self._long)
        refused = 1.0 - self._all
        uneven, even = UNEVEN + refused * STRICTER[0], EVEN + refused * STRICTER[1]
        if self._long >= even * self._all:
            self.share = 1.0
        else:
            self.share = max(0.0, (self._long / self._all - uneven) / (even - uneven))
