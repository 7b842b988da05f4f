"""How much of a deadline is left unplanned, so that predictions may be wrong as often as is allowed. Pure."""

ALLOWED = 0.004  # of the requests let in, that are late
STEP = 0.01
LEAST, MOST = 0.02, 0.3
FIRST = 0.05


class Guard:
    """A share of each deadline that grows with every late answer and shrinks with every one in time.

    The step of adaptive conformal inference (Gibbs and Candes, 2021): in the long run a share of ALLOWED is late,
    whatever the distribution.
    """

    def __init__(self) -> None:
        self.share = FIRST

    def copied(self) -> "Guard":
        """One that goes its own way from here."""
        copy = Guard()
        copy.share = self.share
        return copy

    def within(self, slack_ns: float) -> float:
        """What of the time that is left may be planned with."""
        return slack_ns * (1.0 - self.share)

    def answered(self, late: bool) -> None:
        """One that was let in has its answer."""
        self.share = min(MOST, max(LEAST, self.share + STEP * (late - ALLOWED)))

    def relax(self) -> None:
        """All are refused for it, by a machine that does nothing: as if one late answer had not been."""
        self.share = max(LEAST, self.share - STEP)
