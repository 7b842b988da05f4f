"""Which alerts a receiver is told of, together with which, and when again. Pure: told of every alert, it decides."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from headrace.objectives.alerts import Alert
from headrace.objectives.conditions import Key

GroupBy = Literal["alert", "model", "none"]
Together = Mapping[Key, Alert]


class Notice(msgspec.Struct, frozen=True):
    """What a receiver is told at once: alerts that fire, and those it heard of that have ended."""

    group: str
    firing: tuple[Alert, ...]
    resolved: tuple[Alert, ...]
    sent_s: float

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return (*self.firing, *self.resolved)


class Policy(Protocol):
    """Says what one receiver is to be told. A notice is settled by who sent it; until then its group has no other."""

    def due(self, now_s: float, firing: Together) -> list[Notice]:
        """The notices to be sent now; `firing` is all that fires and is not silenced."""
        ...

    def settled(self, group: str, told: bool) -> None:
        """The notice of a group arrived, or never will."""
        ...

    def quieten(self, silenced: Together) -> None:
        """Of these the receiver hears no more, not even that they ended."""
        ...


class _Group:
    """What a receiver knows of one group."""

    def __init__(self, now_s: float) -> None:
        self.made_s = now_s
        self.told: dict[Key, Alert] = {}  # firing, as far as the receiver knows
        self.sending: dict[Key, Alert] | None = None  # what it will know, if the notice on its way arrives
        self.tried_s: float | None = None


class Grouping:
    """For people: one notice a group, after a wait for company; again when it changes, and now and then when not."""

    def __init__(self, group_by: GroupBy, wait_s: float, interval_s: float, repeat_s: float) -> None:
        self._group_by = group_by
        self._wait_s = wait_s
        self._interval_s = interval_s
        self._repeat_s = repeat_s
        self._groups: dict[str, _Group] = {}

    def due(self, now_s: float, firing: Together) -> list[Notice]:
        by_group: dict[str, dict[Key, Alert]] = {name: {} for name in self._groups}
        for key, alert in firing.items():
            by_group.setdefault(self._name(key), {})[key] = alert
        made = [self._notice(now_s, name, now) for name, now in by_group.items()]
        return [notice for notice in made if notice is not None]

    def settled(self, group: str, told: bool) -> None:
        found = self._groups.get(group)
        if found is not None and found.sending is not None:
            found.told, found.sending = found.sending if told else found.told, None

    def quieten(self, silenced: Together) -> None:
        for group in self._groups.values():
            for key in group.told.keys() & silenced.keys():
                del group.told[key]

    def _notice(self, now_s: float, name: str, now: dict[Key, Alert]) -> Notice | None:
        group = self._groups.setdefault(name, _Group(now_s))
        if group.sending is not None:
            return None
        if not now and not group.told:
            del self._groups[name]  # it is over, and the receiver knows, or never knew of it
            return None
        if not self._is_due(now_s, group, now):
            return None
        ended = [group.told[key] for key in group.told if key not in now]
        group.sending, group.tried_s = dict(now), now_s
        resolved = tuple(msgspec.structs.replace(alert, state="resolved", ended_s=now_s) for alert in ended)
        return Notice(name, tuple(now.values()), resolved, now_s)

    def _is_due(self, now_s: float, group: _Group, now: dict[Key, Alert]) -> bool:
        if group.tried_s is None:
            return now_s - group.made_s >= self._wait_s
        wait_s = self._interval_s if now.keys() != group.told.keys() else self._repeat_s
        return now_s - group.tried_s >= wait_s

    def _name(self, key: Key) -> str:
        if self._group_by == "model":
            return dict(key.labels).get("model", "")
        return key.alert if self._group_by == "alert" else ""


class Forwarding:
    """For an Alertmanager, which groups and repeats itself: at once, and again before it would take silence for the
    end."""

    EVERY_S = 60.0
    GROUP = "all"

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._told: dict[Key, Alert] = {}
        self._sending: dict[Key, Alert] | None = None
        self._tried_s: float | None = None

    def due(self, now_s: float, firing: Together) -> list[Notice]:
        if self._sending is not None or not (firing or self._told):
            return []
        waited_s = None if self._tried_s is None else now_s - self._tried_s
        if firing.keys() == self._told.keys() and waited_s is not None and waited_s < self._every_s:
            return []
        ended = [alert for key, alert in self._told.items() if key not in firing]
        resolved = tuple(msgspec.structs.replace(alert, state="resolved", ended_s=now_s) for alert in ended)
        self._sending, self._tried_s = dict(firing), now_s
        return [Notice(self.GROUP, tuple(firing.values()), resolved, now_s)]

    def settled(self, group: str, told: bool) -> None:
        if self._sending is not None:
            self._told, self._sending = self._sending if told else self._told, None

    def quieten(self, silenced: Together) -> None:
        for key in self._told.keys() & silenced.keys():
            del self._told[key]
