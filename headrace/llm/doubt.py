"""Whether a refusal is to be believed: what was refused for being too slow cannot show that it is not. Pure.

What steps take is only learned from steps. Where those of a size were slow once, while something else had the machine
or their kernels were being made, and requests are refused for that, no step of that size is ever taken again. So one is
let in now and then where what steps did take of late, or that there were none, leaves room for doubt.
"""

from headrace.llm.admission import Standing

RECENT_S = 0.5  # that steps of late are averaged over
EASY = 0.6  # of the time that a step may take: with more, a refusal is believed
AGAIN_NS = 250_000_000  # between two of which one is let in
STALE_NS = 1_000_000_000  # without a step: the machine may be another one by now
FAR = 3.0  # times what is allowed: what is predicted to take more is believed for longer
BELIEVED_NS = 30_000_000_000  # between two of which one is let in


class Doubt:
    """What steps took of late. Owned by the scheduler's promises."""

    def __init__(self) -> None:
        self._mean_s: float | None = None
        self._began_ns: int | None = None  # the last step, where there is one
        self._last_ns: int | None = None  # when a step was last laid out
        self._let_in_ns = -AGAIN_NS
        self._far_ns: int | None = None  # when one that would take far more was first refused, or last let in

    def stepped(self, computes: bool, now_ns: int) -> None:
        """A step begins, and the one before has ended; or there is nothing to do."""
        if self._began_ns is not None:
            took_s = (now_ns - self._began_ns) / 1e9
            share = 1.0 if self._mean_s is None else min(1.0, took_s / RECENT_S)
            self._mean_s = took_s if self._mean_s is None else self._mean_s + share * (took_s - self._mean_s)
        self._began_ns = now_ns if computes else None
        if computes:
            self._last_ns = now_ns

    def lets_in(self, standing: Standing, pace_s: float, times: float, now_ns: int) -> bool:
        """Whether one is let in that is predicted to take so many times what it may; `pace_s`: what steps may take."""
        if standing.idle:
            if times <= FAR:
                return self._last_ns is None or now_ns - self._last_ns >= STALE_NS
            if self._far_ns is not None and now_ns - self._far_ns < BELIEVED_NS:
                return False
            first, self._far_ns = self._far_ns is None, now_ns
            return not first
        easy = self._mean_s is not None and self._mean_s <= EASY * pace_s
        if easy and not standing.prompt_tokens and now_ns - self._let_in_ns >= AGAIN_NS:
            self._let_in_ns = now_ns
            return True
        return False
