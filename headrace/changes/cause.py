"""Which causes a signal may have: each is weighed by what is for it and against it, and says so."""

from collections.abc import Iterator
from math import exp

from headrace.changes.account import Account, Found, Signal
from headrace.changes.entries import Entry
from headrace.changes.moment import MACHINE, Moment
from headrace.clock import rfc3339
from headrace.numerals import numeral

EARLY_S = 4
"""An event may be told this long after what follows from it is seen."""

LATE_S = 15
"""What follows from an event is seen this long after it."""

NOTICE_S = 120
"""People say about when."""

ENOUGH = 0.55
"""Score of a cause that is named."""

BESIDE = 0.6
"""Of the best one's score, that has another one named as well."""


class Case:
    """What is for and against one cause: log-odds, and sentences."""

    def __init__(self, kind: str, weight: float, event: Entry | None, *evidence: str) -> None:
        self.kind = kind
        self._weight = weight
        self._event = event
        self._evidence = list(evidence)

    def weigh(self, weight: float, sentence: str = "") -> None:
        self._weight += weight
        if sentence:
            self._evidence.append(sentence)

    def found(self) -> Found:
        return Found(self.kind, 1 / (1 + exp(-self._weight)), self._evidence, self._event)


def causes(account: Account, signal: Signal, moved: Moment, inputs: Signal | None) -> list[Found]:
    """Best first; one of kind unknown where none is likely. `inputs` is a move of the model's inputs at that time."""
    cases = [*_events(account, signal, moved, inputs), *_inputs(signal, inputs), *_schema(account, signal, moved)]
    cases += [*_traffic(account, signal, moved)]
    if _of_the_machine(signal, moved):
        cases += [*_neighbour(signal, moved), *_system(account, signal, moved)]
    found = sorted((case.found() for case in cases), key=lambda each: -each.score)
    best = found[0].score if found else 0.0
    likely = [each for each in found if each.score >= max(ENOUGH, BESIDE * best)]
    kinds = [each.kind for each in likely]
    return [each for place, each in enumerate(likely) if each.kind not in kinds[:place]] or [_unknown(account, moved)]


def _events(account: Account, signal: Signal, moved: Moment, inputs: Signal | None) -> Iterator[Case]:
    """Releases, settings and notices that came just before: of each kind the nearest."""
    nearest: dict[str, tuple[float, Entry]] = {}
    for entry in account.entries:
        if not entry.means or entry.model not in ("", account.model):
            continue
        distance = _distance(signal, entry)
        if distance is not None and (entry.means not in nearest or distance < nearest[entry.means][0]):
            nearest[entry.means] = distance, entry
    for means, (distance, entry) in nearest.items():
        if means == "release" and signal.kind != "inputs":
            yield _release(account, signal, moved, inputs, entry, distance)
        elif means == "config" and signal.kind != "inputs":
            case = Case("config", 1.6 - distance / 10, entry, f"{_gap(signal, entry)}, {entry.text}")
            _weigh_rivals(case, moved, 0.5)
            yield case
        elif means == "upstream":
            case = Case("upstream", 2.2 - distance / 60, entry, f"{_gap(signal, entry)} a notice says: {entry.text}")
            if moved.shifted:
                case.weigh(0.3, _others(moved))
            yield case


def _distance(signal: Signal, entry: Entry) -> float | None:
    """Seconds between an event and the signal; None where the one cannot be of the other."""
    if entry.means == "upstream":
        apart = max(signal.earliest - entry.at, entry.at - signal.at, 0.0)
        return apart if apart <= NOTICE_S else None
    if entry.at > signal.at + EARLY_S or max(entry.at, entry.began) < signal.earliest - LATE_S:
        return None
    return max(0.0, signal.earliest - entry.at, entry.at - signal.at)


def _release(
    account: Account, signal: Signal, moved: Moment, inputs: Signal | None, entry: Entry, distance: float
) -> Case:
    case = Case("release", 1.5 - distance / 8, entry, f"{_gap(signal, entry)}, {entry.text}")
    apart = moved.versions_apart.get(int(entry.version)) if entry.version.isdigit() else None
    if apart is not None and signal.kind == "latency":
        words = f"at the same time version {entry.version} takes {numeral(apart, 2)}x what other versions take"
        case.weigh(1.5 if apart >= 1.15 else -2.0 if len(moved.versions_apart) > 1 and apart < 1.08 else 0.0, words)
    if inputs is None:
        case.weigh(0.3, "inputs unchanged" if _drift_is_watched(account) else "")
    elif signal.kind in ("outputs", "latency", "errors"):
        case.weigh(-0.9, f"but {inputs.what}")
    if signal.kind == "errors":
        case.weigh(0.4 if moved.client_errors < 0.5 else 0.0)
    if _of_the_machine(signal, moved):
        if moved.others:
            case.weigh(0.6 - 2.4 * min(1.0, 1.5 * _share(moved)), _others(moved))
        _weigh_rivals(case, moved, 0.9)
        if moved.same_rows is not None and moved.mix and moved.same_rows < 1.1:
            case.weigh(-1.5, "requests with as many rows take as long as before")
    return case


def _of_the_machine(signal: Signal, moved: Moment) -> bool:
    """Whether a lack of cores, memory or time can show like this: it refuses no request as wrong."""
    return signal.kind == "latency" or (signal.kind == "errors" and moved.client_errors < 0.5)


def _weigh_rivals(case: Case, moved: Moment, weight: float) -> None:
    """What else moved at that moment speaks against an event."""
    if moved.neighbours and not _spared(moved):
        case.weigh(-weight)
    if moved.machine:
        case.weigh(-weight)
    if moved.traffic:
        case.weigh(-0.5 * weight)


def _inputs(signal: Signal, inputs: Signal | None) -> Iterator[Case]:
    if signal.kind == "inputs":
        yield Case("inputs", 1.4, None, signal.what)
    elif inputs is not None:
        weight = 2.0 if signal.kind == "outputs" else 0.9
        yield Case("inputs", weight, None, f"{inputs.what}, at {rfc3339(inputs.at)}")


def _schema(account: Account, signal: Signal, moved: Moment) -> Iterator[Case]:
    if signal.kind != "errors" or moved.client_errors < 0.6:
        return
    share = f"{moved.client_errors:.0%} of the new errors are requests that are not what the model takes"
    case = Case("schema", 2.2, _nearest(account, signal, "schema"), share)
    released = any(
        entry.means == "release" and entry.model == account.model and _distance(signal, entry) is not None
        for entry in account.entries
    )
    if released:
        case.weigh(-1.6, "but a version became ready just before")
    yield case


def _traffic(account: Account, signal: Signal, moved: Moment) -> Iterator[Case]:
    event = _nearest(account, signal, "traffic")
    if moved.traffic:
        case = Case("traffic", 1.4 + min(0.6, moved.mix / 5), event, *moved.traffic)
        if moved.same_rows is not None and signal.kind == "latency" and "rows" in moved.traffic[0]:
            if moved.same_rows < 1 + (signal.ratio - 1) / 3:
                case.weigh(1.2, f"requests with as many rows take {numeral(moved.same_rows, 2)}x what they took")
            else:
                case.weigh(
                    -1.6, f"but requests with as many rows take {numeral(moved.same_rows, 2)}x what they took as well"
                )
        if moved.others:
            case.weigh(0.3 - 1.1 * min(1.0, 1.5 * _share(moved)), _others(moved))
        yield case
    elif moved.rate >= 1.5 and signal.ratio >= 3 and (moved.queue >= 2 or moved.late_errors >= 0.5):
        case = Case(
            "traffic",
            1.0,
            event,
            f"its requests rose to {numeral(moved.rate, 2)}x, and waited {numeral(moved.queue, 2)}x as long",
        )
        if moved.neighbours:
            case.weigh(-0.5)
        yield case


def _neighbour(signal: Signal, moved: Moment) -> Iterator[Case]:
    if not moved.neighbours:
        return
    ranked = sorted(moved.neighbours, key=lambda each: each.before - each.after)
    words = [
        f"model {each.name!r} took {each.before:.2f} cores before and {each.after:.2f} after ({each.why})"
        for each in ranked[:3]
    ]
    case = Case("neighbour", 0.9 + min(1.2, 2 * (ranked[0].after - ranked[0].before)), None, *words)
    if signal.kind == "latency":
        slower = max(moved.queue, moved.compute)
        told_times = f"waits are {numeral(moved.queue, 2)}x and runs {numeral(moved.compute, 2)}x as long"
        case.weigh(0.4 if slower >= 1.15 else -0.8, told_times)
        if _spared(moved):
            weight = -1.0 if moved.waits_more and not moved.mix else -2.4
            case.weigh(weight, f"but its own runs take longer, and {_others(moved)}")
    if moved.mix and moved.same_rows is not None and moved.same_rows < 1.1:
        case.weigh(-1.5)
    yield case


def _system(account: Account, signal: Signal, moved: Moment) -> Iterator[Case]:
    """Something outside the server: the machine says so, or every model suffers and nothing happened to any."""
    share = _share(moved)
    if not moved.machine and (share < 0.25 or (share < 0.5 and len(moved.shifted) < 3)):
        return
    case = Case("system", 0.2, None)
    if moved.others:
        case.weigh(2.1 * min(1.0, 2 * share) - 0.8, _others(moved))
    for column, (before, after) in moved.machine.items():
        case.weigh(1.2, f"{MACHINE[column][1]} rose from {before:.2f} to {after:.2f}")
    if moved.neighbours:
        case.weigh(-2.0, "but another model took more of the machine")
    if any(entry.means == "config" and _distance(signal, entry) is not None for entry in account.entries):
        case.weigh(-1.5, "but the settings are others, for every model")
    if moved.rate >= 1.4:
        case.weigh(-1.2, f"but the model's own requests rose to {numeral(moved.rate, 2)}x")
    if moved.traffic:
        case.weigh(-0.8)
    yield case


def _unknown(account: Account, moved: Moment) -> Found:
    evidence = ["nothing in the change log came just before"]
    if moved.rate >= 1.4:
        evidence.append(f"its own requests rose to {numeral(moved.rate, 2)}x at that moment, which can make them wait")
    if moved.others:
        evidence.append(_others(moved))
    return Found("unknown", 0.3, evidence)


def _share(moved: Moment) -> float:
    """Of models to compare with, those that got worse as well."""
    return len(moved.shifted) / moved.others if moved.others else 0.0


def _spared(moved: Moment) -> bool:
    """Runs of this model alone take longer, or its requests are others: who takes cores from it would take them from
    others too. Waits alone may grow for those that run in turn with a neighbour."""
    return moved.others > 0 and _share(moved) < 0.34 and (moved.compute >= 1.2 or moved.mix > 0)


def _others(moved: Moment) -> str:
    if not moved.shifted:
        return f"other models unaffected ({moved.others} of {moved.others})"
    shown = ", ".join(repr(name) for name in moved.shifted[:3])
    return f"{len(moved.shifted)} of {moved.others} other models got worse at the same moment: {shown}"


def _nearest(account: Account, signal: Signal, kind: str) -> Entry | None:
    near = [
        entry
        for entry in account.entries
        if entry.kind == kind and entry.model == account.model and abs(entry.at - signal.at) <= LATE_S
    ]
    return min(near, key=lambda entry: abs(entry.at - signal.at), default=None)


def _gap(signal: Signal, entry: Entry) -> str:
    apart = signal.at - entry.at
    if abs(apart) < 1:
        return "at that moment"
    return f"{apart:.0f} s before" if apart > 0 else f"{-apart:.0f} s after"


def _drift_is_watched(account: Account) -> bool:
    """Whether anything was said of drift at all: without it nobody knows what inputs did."""
    return bool(account.drifts)
