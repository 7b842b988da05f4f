"""What became of each request: made once by the loop that sent it, read by every figure."""

import math
from typing import Literal, NamedTuple

Verdict = Literal["answered", "shed", "error", "lost", "timeout"]
"""`shed`: the server refused it for its load. `lost`: no server answered. `timeout`: the client waited no longer."""
BROKEN = "broken answer"
"""What is said of an answer that broke off behind its head: an error, for a server was there."""


class Batch(NamedTuple):
    """What the server told of the run that answered a request; empty where it told nothing."""

    rows: int = 0
    reason: str = ""
    queue_ms: float = math.nan
    compute_ms: float = math.nan
    variant: str = ""


class Stream(NamedTuple):
    """The pieces of a streamed answer. Times are the clock's."""

    first_ns: int
    last_ns: int
    tokens: int  # as the server counted them, else pieces
    prompt_tokens: int  # 0 where the server does not say
    gaps_ns: tuple[int, ...]  # between pieces


class Answer(NamedTuple):
    """How one request ended."""

    verdict: Verdict
    said: str = ""  # a status, or what the connection did
    note: str = ""  # the server's words
    batch: Batch | None = None
    stream: Stream | None = None


class Sample(NamedTuple):
    """One request from when it should have been sent until it was over. Times are the clock's."""

    scheduled_ns: int
    sent_ns: int
    done_ns: int
    answer: Answer
    rows: int = 1
    length: int = 0
    tenant: str = ""

    @property
    def latency_ms(self) -> float:
        return (self.done_ns - self.scheduled_ns) / 1e6

    @property
    def ttft_ms(self) -> float:
        """Until the first token; NaN where none came."""
        stream = self.answer.stream
        return (stream.first_ns - self.scheduled_ns) / 1e6 if stream else math.nan

    @property
    def tpot_ms(self) -> float:
        """After the first token, for each; NaN where there are not two."""
        stream = self.answer.stream
        if stream is None or stream.tokens < 2:
            return math.nan
        return (stream.last_ns - stream.first_ns) / 1e6 / (stream.tokens - 1)
