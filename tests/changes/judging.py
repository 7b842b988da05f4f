"""Runs a scenario, asks why, and says whether that is right."""

from dataclasses import dataclass

from headrace.changes.why import Finding, why
from tests.changes.day import Truth, world
from tests.changes.incidents import INCIDENTS
from tests.changes.whiles import WHILES


@dataclass
class Verdict:
    """What was found, and whether that is right."""

    truth: Truth
    findings: list[Finding]
    right: bool
    off_s: float | None  # of the moment; None where nothing of that cause was found

    @property
    def told(self) -> str:
        """The kind that is told first."""
        return self.findings[0].cause.kind if self.findings else "nothing"


def judge(name: str, seed: int) -> Verdict:
    """Run a scenario, ask why, and compare."""
    made = world(seed)
    truth = {**INCIDENTS, **WHILES}[name](made)
    findings = why(made.changes.account("m", 3600))
    kinds = {finding.cause.kind for finding in findings}
    if not truth.kinds:
        return Verdict(truth, findings, kinds <= {"unknown"}, None)
    matching = [each for each in findings if each.cause.kind in truth.kinds]
    off_s = min((abs(each.signal.at - truth.at) for each in matching), default=None)
    first = bool(findings) and findings[0].cause.kind in truth.kinds
    return Verdict(truth, findings, first and set(truth.kinds) <= kinds, off_s)
