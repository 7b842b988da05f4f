"""Whether a model that runs with half of its threads is asked for so much that it needs all of them. Pure."""

import msgspec

FULL = 0.8  # of the time of half the threads, look after look: then they are too few
LOOKS = 3
SHARE = 0.4  # of the objective: what a request may cost on the average; with more, a second thread is worth its waiting
LITTLE = 0.3  # of the time of all threads: half of them would do as well
HOLD_NS = 60_000_000_000  # for which all are kept at least: each change costs a load of the model
LONGEST_HOLD_NS = 960_000_000_000  # where half were too few again and again


class Need(msgspec.Struct, frozen=True):
    """What is known of it, and since when."""

    all: bool = False
    since_ns: int = 0
    hold_ns: int = HOLD_NS
    full: int = 0  # looks in a row


def need(now: Need, load: float, now_ns: int) -> Need:
    """What it needs from now on. `load`: how far it is used up, as it is run at the moment."""
    if now.all:
        if load > LITTLE or now_ns - now.since_ns < now.hold_ns:
            return now
        return Need(False, now_ns, now.hold_ns)
    if load < FULL:
        return now if not now.full else msgspec.structs.replace(now, full=0)
    if now.full + 1 < LOOKS:
        return msgspec.structs.replace(now, full=now.full + 1)
    return too_few(now, now_ns)


def too_few(now: Need, now_ns: int) -> Need:
    """What it needs once half have turned out to be too few; they are tried again, later each time."""
    soon = bool(now.since_ns) and now_ns - now.since_ns < now.hold_ns
    return Need(True, now_ns, min(2 * now.hold_ns, LONGEST_HOLD_NS) if soon else HOLD_NS)


def fullness(load: float, rate: float, objective_ms: float | None) -> float:
    """How far a model is used up, as a load: by what is asked for a second, and by how long each of so many requests
    takes of its objective."""
    if not rate or objective_ms is None:
        return load
    return max(load, FULL * (load / rate) / (SHARE * objective_ms / 1e3))
