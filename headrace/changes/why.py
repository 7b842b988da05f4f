"""What changed for a model, when, and by what: signals, each with the causes that it may have."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headrace.changes.account import Account, Found, Signal
from headrace.changes.cause import causes
from headrace.changes.moment import moment
from headrace.changes.signals import recovery, signals
from headrace.clock import rfc3339

MOST = 20
"""Findings that are told."""

INPUTS_S = 15
"""A move of the inputs this near to another signal has to do with it."""


class Finding(msgspec.Struct, frozen=True):
    """One signal with one cause."""

    signal: Signal
    cause: Found

    def shown(self) -> dict[str, Any]:
        """As it goes over the wire."""
        event = self.cause.event
        return {
            "signal": self.signal.kind,
            "at": rfc3339(self.signal.at),
            "ratio": float(f"{self.signal.ratio:.3g}"),
            "cause": {"kind": self.cause.kind, "event": event.shown() if event else {}},
            "score": round(self.cause.score, 3),
            "evidence": [
                self.signal.what,
                *(each for each in self.cause.evidence if each and each != self.signal.what),
            ],
        }


def why(account: Account) -> list[Finding]:
    """Best first; of one score the latest."""
    found = signals(account)
    inputs = [each for each in found if each.kind == "inputs"]
    told_of = []
    for signal in found:
        near = next((each for each in inputs if _together(signal, each)), None)
        fell = recovery(account, signal)
        for cause in causes(account, signal, moment(account, signal), near):
            evidence = [*cause.evidence, fell] if fell else cause.evidence
            told_of.append(Finding(_placed(signal, cause), msgspec.structs.replace(cause, evidence=evidence)))
    return sorted(told_of, key=lambda each: (-round(each.cause.score, 2), -each.signal.at))[:MOST]


def shown(findings: Sequence[Finding]) -> Mapping[str, Any]:
    return {"findings": [finding.shown() for finding in findings]}


def _placed(signal: Signal, cause: Found) -> Signal:
    """Where nothing was seen between two levels, it is when the event was."""
    event = cause.event
    if event and event.means and event.means != "upstream" and signal.earliest < event.at < signal.at:
        return msgspec.structs.replace(signal, at=event.at)
    return signal


def _together(signal: Signal, inputs: Signal) -> bool:
    if signal.kind == "inputs":
        return False
    return inputs.earliest - INPUTS_S <= signal.at and signal.earliest <= inputs.at + INPUTS_S
