"""The time that drafts may lose: few matching tokens may be chance, and how often they are only trying tells. Pure.

A try costs about a step where one sequence runs: its kernels are other ones, and going back takes as long again. What
other texts did says little of a new one. So tries are paid from what earlier ones have gained, and from a small share
of all steps' time: however seldom drafts are right, that is what they cost.
"""

ALLOWED = 0.005  # of the time without drafts
MOST = 0.5  # steps' time that is kept for later; a try may cost more than there is


class DraftCredit:
    """Seconds that are left. Owned by `DraftLength`."""

    def __init__(self) -> None:
        self._left_s: float | None = None  # until the first step tells what one takes
        self._token_s = 0.0  # that a token takes without drafts

    @property
    def is_there(self) -> bool:
        return self._left_s is None or self._left_s >= 0.0

    def step(self, plain_s: float, num_sampled: int) -> None:
        """A step is laid out that would take so long, and give so many tokens, without drafts."""
        most_s = MOST * plain_s
        self._left_s = 0.0 if self._left_s is None else min(most_s, self._left_s + ALLOWED * plain_s)
        self._token_s = plain_s / max(1, num_sampled)

    def spend(self, cost_s: float) -> None:
        """It takes so much longer with its drafts."""
        self._left_s = (self._left_s or 0.0) - max(0.0, cost_s)

    def earn(self, num_accepted: int) -> None:
        """So many tokens need no step any more."""
        self._left_s = (self._left_s or 0.0) + num_accepted * self._token_s
