"""The state of every version that is known; each change is recorded."""

from headrace.clock import Clock, unix_s
from headrace.records import ModelEvent, Recorder
from headrace.types import VersionState, VersionStatus

FAILED = "FAILED"
"""What the reason begins with where a version is loaded and cannot answer; its state is UNAVAILABLE, as in Triton."""


def has_failed(status: VersionStatus) -> bool:
    """Whether the version is loaded and cannot answer."""
    return status.state == "UNAVAILABLE" and status.reason.startswith(FAILED)


class States:
    """What the repository index tells; written by the reconcile loop, and where what is loaded fails."""

    def __init__(self, record: Recorder, clock: Clock) -> None:
        self._record = record
        self._clock = clock
        self._states: dict[str, dict[int | None, VersionStatus]] = {}

    def put(
        self,
        name: str,
        version: int | None,
        state: VersionState,
        reason: str = "",
        *,
        seconds: float = 0.0,
        cause: str = "",
        goes_on: bool = False,
    ) -> None:
        """The version is now in this state, and `reason` is to be told with it; `cause` is why that was wanted, and
        `seconds` how long it took to get there. `goes_on`: it was neither loaded nor unloaded for that."""
        self._states.setdefault(name, {})[version] = VersionStatus(name, version, state, reason)
        self._record(ModelEvent(name, version, state, reason, unix_s(self._clock), seconds, cause, goes_on))

    def note(self, name: str, version: int, reason: str) -> None:
        """From now on this is told with the state that the version is in; nothing is recorded."""
        if before := self.get(name, version):
            self._states[name][version] = VersionStatus(name, version, before.state, reason)

    def get(self, name: str, version: int | None) -> VersionStatus | None:
        """The state of one version, where it is known."""
        return self._states.get(name, {}).get(version)

    def forget(self, name: str, version: int | None) -> None:
        """The version is no longer in the repository."""
        versions = self._states.get(name, {})
        versions.pop(version, None)
        if not versions:
            self._states.pop(name, None)

    def of(self, name: str) -> tuple[VersionStatus, ...]:
        """The versions of one model, ascending."""
        return _sorted(self._states.get(name, {}))

    def all(self) -> tuple[VersionStatus, ...]:
        """Every version, by name and number."""
        return tuple(status for name in sorted(self._states) for status in _sorted(self._states[name]))


def _sorted(versions: dict[int | None, VersionStatus]) -> tuple[VersionStatus, ...]:
    return tuple(versions[version] for version in sorted(versions, key=lambda version: version or 0))
