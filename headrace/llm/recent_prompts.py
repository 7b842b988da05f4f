"""How many tokens of prompts a step has computed of late. Pure."""

RECENT_S = 1.0  # that steps are remembered for, about


class RecentPrompts:
    """Each step counts once, however long it is: a pace is made of so many steps, with prompts in them or without."""

    def __init__(self) -> None:
        self._tokens = self._steps = 0.0  # of late; older ones count for less

    def learn(self, num_tokens: int, seconds: float) -> None:
        """A step took so long, and computed so many."""
        kept = max(0.0, 1.0 - seconds / RECENT_S)
        self._tokens = kept * self._tokens + num_tokens
        self._steps = kept * self._steps + 1.0

    @property
    def mean(self) -> float:
        """Of a step; 0 before the first."""
        return self._tokens / self._steps if self._steps else 0.0
