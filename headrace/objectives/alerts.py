"""Alerts: pending until something has been wrong for a while, firing, and resolved once it is right again. Pure."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from headrace.objectives.conditions import Condition, Key
from headrace.objectives.rules import Rule

MOST = 1000
"""Alerts at a time; what is wrong beyond that is counted."""

ENDED = 100
"""Alerts that are remembered once they have ended."""

State = Literal["pending", "firing", "resolved"]


class Alert(msgspec.Struct, frozen=True):
    """One alert as it is at a moment. Times are Unix time."""

    key: Key
    severity: str
    what_to_do: str
    state: State
    summary: str
    value: float
    since_s: float  # something is wrong
    fired_s: float = 0.0
    ended_s: float = 0.0
    right_s: float = 0.0  # it is right again, and that is not believed yet; 0: it is wrong


class Alerts:
    """Owns every alert that is pending or firing, and remembers the last that ended."""

    def __init__(self, rules: Iterable[Rule], resolve_s: float, most: int = MOST) -> None:
        self.dropped: Counter[str] = Counter()  # conditions that found no room, by reason
        self._rules = {rule.name: rule for rule in rules}
        self._resolve_s = resolve_s
        self._most = most
        self._alerts: dict[Key, Alert] = {}
        self._ended: deque[Alert] = deque(maxlen=ENDED)

    def look(self, now_s: float, found: Iterable[Condition]) -> list[Alert]:
        """Take in all that is wrong now; returns the alerts that began to fire by it, and those that ended."""
        wrong = {condition.key: condition for condition in found}
        changed = [self._wrong(now_s, condition) for condition in wrong.values()]
        changed += [self._right(now_s, self._alerts[key]) for key in self._alerts.keys() - wrong.keys()]
        return [alert for alert in changed if alert is not None]

    def firing(self) -> dict[Key, Alert]:
        return {key: alert for key, alert in self._alerts.items() if alert.state == "firing"}

    def all(self) -> list[Alert]:
        """Those that are, oldest first, and then those that ended, newest first."""
        return [*sorted(self._alerts.values(), key=lambda alert: alert.since_s), *reversed(self._ended)]

    def counts(self) -> Mapping[tuple[str, str, State], int]:
        """How many there are of each rule, by severity and state."""
        counts = Counter({(rule.name, rule.severity, state): 0 for rule in self._rules.values() for state in _LIVE})
        counts.update((alert.key.alert, alert.severity, alert.state) for alert in self._alerts.values())
        return counts

    def _wrong(self, now_s: float, found: Condition) -> Alert | None:
        rule = self._rules[found.key.alert]
        alert = self._alerts.get(found.key)
        if alert is None:
            if len(self._alerts) >= self._most:
                self.dropped["too_many"] += 1
                return None
            alert = Alert(found.key, rule.severity, rule.what_to_do, "pending", found.summary, found.value, now_s)
        fires = alert.state == "pending" and now_s - alert.since_s >= rule.for_s
        alert = msgspec.structs.replace(alert, summary=found.summary, value=found.value, right_s=0.0)
        if fires:
            alert = msgspec.structs.replace(alert, state="firing", fired_s=now_s)
        self._alerts[found.key] = alert
        return alert if fires else None

    def _right(self, now_s: float, alert: Alert) -> Alert | None:
        """What is pending is forgotten at once; what fires ends once it was right for a while."""
        right_s = alert.right_s or now_s
        if alert.state == "pending":
            del self._alerts[alert.key]
            return None
        if now_s - right_s < self._resolve_s:
            self._alerts[alert.key] = msgspec.structs.replace(alert, right_s=right_s)
            return None
        ended = msgspec.structs.replace(alert, state="resolved", right_s=right_s, ended_s=now_s)
        del self._alerts[alert.key]
        self._ended.append(ended)
        return ended


_LIVE: tuple[State, ...] = ("pending", "firing")
