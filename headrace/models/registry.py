"""The versions that can be asked now: written by the reconcile loop, read once a request."""

import random
from collections.abc import Callable, Collection, Mapping

import msgspec

from headrace.errors import SOON_S, HeadraceError, ModelNotFound, ModelUnavailable, VersionNotFound
from headrace.models.lifecycle import has_failed
from headrace.models.wishes import Wishes, default_version, routed
from headrace.repository.labels import STABLE, is_label
from headrace.servable import Servable
from headrace.traffic.choice import Choice, choice_of
from headrace.traffic.plans import Plans
from headrace.types import Context, Manifest, ModelRef, ModelVersion, Signature, VersionStatus

__all__ = ["Registry", "Served", "is_label"]

MAX_TOLD = 128  # characters of a name that nothing has


class Served(msgspec.Struct, frozen=True):
    """A version that answers: what it is, and what answers."""

    version: ModelVersion
    manifest: Manifest
    servable: Servable

    @property
    def signature(self) -> Signature:
        """What it takes and gives; a batch axis may still be learned from the first requests."""
        return self.servable.signature


class Registry:
    """Ready versions by name. Publishing is one assignment: a request sees the old table or the new one.

    `status` tells the state of what is not ready, so that a refusal can give the reason; `draw` a number from [0, 1).
    """

    def __init__(
        self,
        status: Callable[[str], tuple[VersionStatus, ...]] = lambda name: (),
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._status = status
        self._draw = draw
        self._ready: dict[str, dict[int, Served]] = {}
        self._default: dict[str, Served] = {}  # what answers where no version is asked for
        self._wishes: dict[str, Wishes] = {}
        self._choices: dict[str, Choice] = {}  # of models whose requests are shared among versions
        self._halted: dict[str, int] = {}  # models of which a rollout gives nothing more to this version
        self._failed: set[ModelVersion] = set()  # served, and unable to answer
        self._expected: frozenset[str] | None = frozenset()  # models whose versions are yet to be tried
        self._wished: Callable[[str, Plans], None] = lambda name, plans: None

    def route(self, ref: ModelRef, context: Context) -> Served:
        """What answers this request: as `get`, but where it names no version a rollout or a split shares them out."""
        if ref.version is None and not ref.label:
            choice = self._choices.get(ref.name) if self._choices else None
            served = self.find(ref.name, choice.pick(context, self._draw())) if choice else None
            served = served or self._default.get(ref.name)
            if served is not None:
                return served
        return self.get(ref)

    def get(self, ref: ModelRef) -> Served:
        """The version asked for, or the default. Raises ModelNotFound, VersionNotFound or ModelUnavailable."""
        served = self._named(ref)
        if served is None:
            raise self._why_not(ref)
        return served

    def get_ready(self, ref: ModelRef) -> Served:
        """As `get`; raises ModelUnavailable also where its workers die again and again."""
        served = self.get(ref)
        for status in self._status(ref.name):
            if status.version == served.version.version and has_failed(status):
                raise ModelUnavailable(f"model {ref.name!r} is {status.state}: {status.reason}")
        return served

    def plans(self, name: str) -> Plans:
        """How requests for a model are to be shared among its versions."""
        return self._wishes.get(name, Wishes()).traffic

    def shares(self, name: str) -> Mapping[int, float]:
        """How much of the requests that name no version each one gets, where they are shared out now."""
        choice = self._choices.get(name)
        return choice.shares() if choice else {}

    def halt(self, name: str, version: int) -> None:
        """The model's rollout gives this version no request more."""
        self._halted[name] = version
        self._put(name, self._ready.get(name, {}))

    def failed(self, version: ModelVersion, failed: bool) -> None:
        """From now on what is served of this version cannot answer, or can again: then nothing is shared out to it."""
        (self._failed.add if failed else self._failed.discard)(version)
        self._put(version.name, self._ready.get(version.name, {}))

    def answering(self, name: str, version: int) -> Served | None:
        """As `find`, but None also where it is known that it cannot answer."""
        return None if ModelVersion(name, version) in self._failed else self.find(name, version)

    def follow(self, wished: Callable[[str, Plans], None]) -> None:
        """Have this called with each model's plans, whenever what is wished of it was said again."""
        self._wished = wished

    def certain(self, ref: ModelRef) -> Served | None:
        """What will answer whatever a request says; None where that depends on the request, or nothing answers."""
        shared = ref.version is None and not ref.label and ref.name in self._choices
        return None if shared else self._named(ref)

    def labels(self, name: str) -> Mapping[str, int]:
        """Where each label of a model leads now."""
        return self._wishes.get(name, Wishes()).routed

    def labels_asked(self, name: str) -> frozenset[str]:
        """Those of a model's labels that requests set, rather than its files."""
        return frozenset(self._wishes.get(name, Wishes()).labels)

    def default(self, name: str) -> Served | None:
        """What answers where no version is asked for."""
        return self._default.get(name)

    def wish(self, name: str, wishes: Wishes) -> None:
        """From now on these say which version stands for the model."""
        self._wishes[name] = wishes
        rollout = wishes.traffic.rollout
        if rollout is None or rollout.to != self._halted.get(name):
            self._halted.pop(name, None)
        self._put(name, self._ready.get(name, {}))
        self._wished(name, wishes.traffic)

    def find(self, name: str, version: int) -> Served | None:
        """That very version, where it is ready."""
        return self._ready.get(name, {}).get(version)

    def versions(self, name: str) -> list[int]:
        """The ready versions of a model, ascending; empty where there is none."""
        return sorted(self._ready.get(name, ()))

    def all(self) -> list[Served]:
        """Every ready version, by name and number."""
        return [self._ready[name][number] for name in self.names() for number in self.versions(name)]

    def names(self) -> list[str]:
        return sorted(self._ready)

    def expect(self, names: Collection[str] | None) -> None:
        """Until the next call, what is not known of these models is on its way; None: of any, for nobody has looked."""
        self._expected = None if names is None else frozenset(names)

    def is_expected(self, name: str) -> bool:
        """Whether more of the model may be on its way than is known."""
        return self._expected is None or name in self._expected

    def came(self, name: str) -> None:
        """All of the model that was expected has been tried."""
        self._expected = None if self._expected is None else self._expected - {name}

    def publish(self, served: Served) -> None:
        """From now on requests see this version, and labels that were to lead to it do."""
        self._failed.discard(served.version)
        name, stands = served.version.name, self._default.get(served.version.name)
        ready = {**self._ready.get(name, {}), served.version.version: served}
        if name in self._wishes:
            self._wishes[name] = routed(self._wishes[name], ready, stands.version.version if stands else None)
        self._put(name, ready)

    def withdraw(self, version: ModelVersion) -> None:
        """From now on requests do not see this version; those that run are not touched."""
        self._failed.discard(version)
        left = {
            number: served for number, served in self._ready.get(version.name, {}).items() if number != version.version
        }
        self._put(version.name, left)

    def _named(self, ref: ModelRef) -> Served | None:
        """The version or label asked for, or the default."""
        if ref.label:
            return self.find(ref.name, self.labels(ref.name).get(ref.label, 0))
        return self._default.get(ref.name) if ref.version is None else self.find(ref.name, ref.version)

    def _put(self, name: str, versions: dict[int, Served]) -> None:
        wishes = self._wishes.get(name, Wishes())
        failed = [number for number in versions if ModelVersion(name, number) in self._failed]
        choice = choice_of(name, wishes.traffic, versions, failed, halted=name in self._halted)
        if choice is None:
            self._choices.pop(name, None)
        else:
            self._choices[name] = choice
        number = default_version(versions, wishes)
        if versions:
            self._ready[name] = versions
        else:
            self._ready.pop(name, None)
        if number is None:
            self._default.pop(name, None)
        else:
            self._default[name] = versions[number]

    def _why_not(self, ref: ModelRef) -> HeadraceError:
        known = self._status(ref.name)
        coming = self.is_expected(ref.name)
        if not known and ref.name not in self._ready:
            name = ref.name if len(ref.name) <= MAX_TOLD else f"{ref.name[:MAX_TOLD]}..."
            return _starting(name) if coming else ModelNotFound(f"model {name!r} is not in the repository")
        meant = self._wishes.get(ref.name, Wishes()).meant
        if ref.label or (ref.version is None and STABLE in meant and ref.name in self._ready):
            return _starting(ref.name) if coming and ref.label not in ("", *meant) else self._why_not_label(ref, meant)
        for status in known:
            if ref.version in (None, status.version):
                reason = f": {status.reason}" if status.reason else ""
                return ModelUnavailable(f"model {ref.name!r} is {status.state}{reason}", retry_after_s=_soon(status))
        if coming:
            return _starting(ref.name)
        ready = ", ".join(map(str, self.versions(ref.name))) or "none"
        return VersionNotFound(f"model {ref.name!r} has no version {ref.version}; ready: {ready}")

    def _why_not_label(self, ref: ModelRef, meant: Mapping[str, int]) -> HeadraceError:
        """Of the label asked for, or of the one that stands for the model."""
        number = meant.get(ref.label or STABLE)
        if number is not None:
            ready = ", ".join(map(str, self.versions(ref.name))) or "none"
            its = [each for each in self._status(ref.name) if each.version == number]
            why = f" ({its[0].state}: {its[0].reason})".replace(": )", ")") if its else ""
            return ModelUnavailable(
                f"label {ref.label or STABLE!r} is version {number}, which is not ready{why}; ready: {ready}",
                retry_after_s=_soon(its[0]) if its else None,
            )
        there = ", ".join(sorted(meant)) or "none"
        label = ref.label if len(ref.label) <= MAX_TOLD else f"{ref.label[:MAX_TOLD]}..."
        return VersionNotFound(f"model {ref.name!r} has no label {label!r}; labels: {there}")


def _starting(name: str) -> HeadraceError:
    why = "the server is starting, and has not tried all of it yet"
    return ModelUnavailable(f"model {name!r} is not ready: {why}", retry_after_s=SOON_S)


def _soon(status: VersionStatus) -> float | None:
    """When asking again may help: what is being loaded will be there, and nobody knows of the rest."""
    return SOON_S if status.state == "LOADING" else None
