"""On what terms a language model's request is served: how soon, at what pace, before whom, and on whose behalf."""

import msgspec

USUAL_LEVEL = 5  # of requests that name no priority: in the middle of 1, the highest, to 9


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
