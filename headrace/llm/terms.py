"""On what terms a language model's request is served: how soon, at what pace, before whom, and on whose behalf."""

import msgspec

from headrace.types import USUAL_LEVEL, Context, Objective


class Terms(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What `types.Context` and the model's objective say. Times are the machine's monotonic clock, in nanoseconds."""

    priority: int = 0  # 0: the default; 1: the highest
    tenant: str = ""
    arrived_ns: int | None = None  # None: when the engine hears of it
    ttft_ns: int | None = None  # from arrival to its first token
    tpot_ns: int | None = None  # from one token to the next, on average
    deadline_ns: int | None = None  # when its last token must have come

    @property
    def level(self) -> int:
        """Lower is served first."""
        return self.priority or USUAL_LEVEL

    @property
    def asks(self) -> bool:
        """Whether anything was promised to it."""
        return (self.ttft_ns, self.tpot_ns, self.deadline_ns) != (None, None, None)


UNSAID = Terms()
"""Of most requests."""


def terms_of(context: Context, objective: Objective) -> Terms:
    """The tighter of what a request and its model say."""
    deadline_ns = objective.due_ns(context.arrived_ns, context.deadline_ns)
    ttft_ns = _tighter(context.ttft_ns, objective.ttft_ms)
    tpot_ns = _tighter(context.tpot_ns, objective.tpot_ms)
    return Terms(context.priority, context.tenant, context.arrived_ns, ttft_ns, tpot_ns, deadline_ns)


def _tighter(said_ns: int | None, objective_ms: float | None) -> int | None:
    if objective_ms is None:
        return said_ns
    objective_ns = int(objective_ms * 1e6)
    return objective_ns if said_ns is None else min(said_ns, objective_ns)
