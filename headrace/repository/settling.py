"""When a change of files is over: once it has been still for a while. Pure; knows no disk."""

from collections.abc import Mapping

from headrace.repository.file_facts import Facts


class Settling:
    """Compares each look at the models' files with what is already known of them."""

    def __init__(self, known: Mapping[str, Facts], settle_ns: int) -> None:
        self._known = dict(known)
        self._settle_ns = settle_ns
        self._restless: dict[str, tuple[Facts | None, int]] = {}  # as last seen, and since when

    @property
    def restless(self) -> bool:
        """Whether something changed and has not been told yet: worth looking again soon."""
        return bool(self._restless)

    def see(self, seen: Mapping[str, Facts], now_ns: int) -> list[str]:
        """The models whose files differ from what is known, and have been as they are for long enough."""
        due = []
        for name in sorted({*seen, *self._known, *self._restless}):
            facts = seen.get(name)
            if facts == self._known.get(name):
                self._restless.pop(name, None)
                continue
            before, since_ns = self._restless.get(name, ((), now_ns))
            if name not in self._restless or before != facts:
                self._restless[name] = facts, now_ns
            elif now_ns - since_ns >= self._settle_ns:
                due.append(name)
        return due

    def tell(self, name: str) -> None:
        """Somebody was told of the model as it was last seen: it is known now."""
        facts, _ = self._restless.pop(name)
        if facts is None:
            self._known.pop(name, None)
        else:
            self._known[name] = facts
