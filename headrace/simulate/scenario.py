"""What is simulated, as values: the machines, what their models take, and how their clients behave."""

from collections.abc import Sequence
from typing import Any

import msgspec

from headrace.batching.policy import Limits
from headrace.simulate.feeding import Feeding

LIMITS = Limits(max_size=64, max_delay_ns=0, max_queue=1024, max_queue_bytes=256 << 20)


class Overheads(msgspec.Struct, frozen=True):
    """What a request takes besides waiting and its run, in ns."""

    in_ns: int = 0  # from when it is sent until it may wait
    in_loop_ns: int = 0  # more, during which the server's event loop does nothing else
    out_ns: int = 0  # from the end of its run until its client has the answer
    out_loop_ns: int = 0  # more, for each answer of the run, one after another
    out_by_lot_ns: Sequence[int] = ()  # more: for all answers of a run one of these


class Leaving(msgspec.Struct, frozen=True):
    """Clients that do not wait for ever: a share of them leaves after a time."""

    share: float
    after_ns: int


class Drift(msgspec.Struct, frozen=True):
    """From then on runs take what this says; servers are not told, and learn it as they serve."""

    from_ns: int
    latency: dict[str, Any]  # as `Latency.to_json` gave it


class Scenario(msgspec.Struct, frozen=True):
    """Machines that are alike, and the clients in front of them."""

    latency: dict[str, Any]  # as `Latency.to_json` gave it
    drifts: Sequence[Drift] = ()  # of the machines' speed, in order of time
    limits: Limits = LIMITS
    machines: int = 1
    instances: int = 1  # of the model, on each machine
    together: float = 1.0  # times as long a run takes that begins while another instance of the machine computes
    speed: float = 1.0  # times as quick as the machine that was measured
    feeding: Feeding = "shortest"
    overheads: Overheads = Overheads()
    slo_ns: int | None = None  # from when a request is sent; the server counts from when it comes
    leaving: Leaving | None = None
    weights: dict[str, float] = {}  # of tenants
    known: bool = True  # whether the servers begin with what was measured, or know nothing
    seed: int = 0
