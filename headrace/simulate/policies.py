"""The policies that can be simulated, by name: those of the server, and those of others."""

from collections.abc import Sequence

import msgspec

from headrace.batching.company import Company
from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.latency import Latency
from headrace.batching.policy import Policy
from headrace.simulate.aimd_policy import AimdPolicy
from headrace.simulate.fitted_policy import FittedPolicy
from headrace.simulate.outcomes import Asked
from headrace.simulate.scenario import Scenario

NAMES = "deadline", "fixed", "none", "aimd", "fitted"
WITHOUT_SLO_NS = 100_000_000  # what is aimed at by policies that need something to aim at
MOST_DELAY_MS = 60_000.0


class Chosen(msgspec.Struct, frozen=True):
    """A policy by name; `delay_ms` is of `fixed` alone."""

    name: str
    delay_ms: float = 0.0

    def __str__(self) -> str:
        return f"{self.name}:{self.delay_ms:g}" if self.delay_ms else self.name


def parse_policy(text: str) -> Chosen:
    """`deadline`, or `fixed:5` for a delay of 5 ms. Raises ValueError that says what would be right."""
    name, colon, value = text.partition(":")
    if name not in NAMES:
        raise ValueError(f"there is no policy {name!r}; they are {', '.join(NAMES)}")
    if not colon:
        return Chosen(name)
    try:
        delay_ms = float(value)
    except ValueError:
        delay_ms = -1.0
    if name != "fixed" or not 0 <= delay_ms <= MOST_DELAY_MS:
        raise ValueError(f"{text!r}: only fixed has a delay, in ms: fixed:5")
    return Chosen(name, delay_ms)


def parse_policies(text: str) -> Sequence[Chosen]:
    """Several, with commas between them. Raises ValueError that says what would be right."""
    chosen = [parse_policy(part.strip()) for part in text.split(",")]
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"{text!r} names a policy twice")
    return chosen


def make_policy(chosen: Chosen, scenario: Scenario) -> Policy[Asked]:
    """A policy of one machine. What its machine knows of times is its own, and it learns."""
    limits, slo_ns = scenario.limits, scenario.slo_ns or WITHOUT_SLO_NS
    match chosen.name:
        case "deadline":
            latency = Latency.from_json(scenario.latency) if scenario.known else Latency()
            return DeadlinePolicy(limits, latency, Company(), scenario.weights, scenario.instances)
        case "fixed":
            return FixedPolicy(msgspec.structs.replace(limits, max_delay_ns=int(chosen.delay_ms * 1e6)))
        case "none":
            return FixedPolicy(msgspec.structs.replace(limits, max_size=1, max_delay_ns=0))
        case "aimd":
            return AimdPolicy(limits, slo_ns)
        case _:
            return FittedPolicy(limits, slo_ns)
