"""What is wished for of each model, and what answers for it: kept for the next start, and told to the registry."""

import asyncio
from collections.abc import Collection

from headrace.errors import NotKept
from headrace.models.registry import Registry, Served
from headrace.models.state import State
from headrace.models.wishes import Wishes, foremost, held_versions, kept_wishes, routed, wanted_versions
from headrace.repository.labels import STABLE
from headrace.repository.repository import Catalog

MOST_BEFORE = 16  # versions that can be gone back to


class Routing:
    """Owns the wishes for every model, and which versions stood for it before."""

    def __init__(self, registry: Registry, state: State) -> None:
        self._registry = registry
        self._state = state
        self._wishes: dict[str, Wishes] = {}
        self._before: dict[str, list[int]] = {}  # the last last
        self._unkept: dict[str, str] = {}  # why what is wished for is not what the next start has

    async def read(self) -> None:
        """Take up what the last start kept."""
        self._wishes = await asyncio.to_thread(self._state.read)

    def asked(self) -> set[str]:
        """The models that requests loaded where only requests do."""
        return {name for name, wishes in self._wishes.items() if wishes.asked}

    def of(self, name: str) -> Wishes:
        return self._wishes.get(name, Wishes())

    async def wish(self, name: str, wishes: Wishes) -> None:
        """From now on this is wished, labels lead to what is ready of it, and the next start knows: else
        `check_kept` tells, and the next wish tries again."""
        stood, before = self._registry.default(name), self.of(name)
        wishes = routed(wishes, self._registry.versions(name), stood.version.version if stood else None)
        if kept_wishes(wishes) != kept_wishes(before) or name in self._unkept:
            why = await asyncio.to_thread(self._state.keep, name, wishes)
            self._unkept.pop(name, None)
            if why:
                self._unkept[name] = why
        self._wishes[name] = wishes
        self._registry.wish(name, wishes)
        self.remember(name, stood)

    def check_kept(self, name: str) -> None:
        """Raises NotKept where the next start would not know what is wished for now."""
        if why := self._unkept.get(name):
            what = f"model {name!r} stands as asked for until the server ends, and not after that: {why}"
            raise NotKept(f"{what}; ask again once state.dir can be written")

    async def reroute(self, name: str) -> None:
        """Have labels lead to what is ready now."""
        await self.wish(name, self.of(name))

    async def forget(self, name: str) -> None:
        """What comes under this name is another model."""
        await self.wish(name, Wishes())
        self._wishes.pop(name, None)
        self._before.pop(name, None)

    def wanted(self, name: str, catalog: Catalog, broken: Collection[int] = ()) -> tuple[list[int], set[int]]:
        """The versions that the policy wants where these are broken, and those that labels keep."""
        versions = [manifest.version for manifest in catalog.manifests if manifest.name == name]
        held = held_versions(versions, self._registry.versions(name), self.of(name))
        return wanted_versions(catalog.policy[name], versions, self.of(name), broken), held

    def foremost(self, name: str) -> list[int]:
        """The versions that are loaded before others, in this order."""
        return foremost(self.of(name))

    def kept(self, name: str) -> set[int]:
        """The ready versions that stay where their files go."""
        wishes = self.of(name)
        return {*wishes.routed.values(), *wishes.traffic.versions}

    def leads(self, name: str, label: str) -> Served | None:
        """What answers where the label, or what it would stand for, is asked for."""
        served = self._registry.find(name, self.of(name).routed.get(label, 0))
        return self._registry.default(name) if served is None and label == STABLE else served

    def stands_for(self, name: str, version: int) -> Served | None:
        """What answers now where this version would: where a label leads, or the default."""
        meant, default = self.of(name).meant, self._registry.default(name)
        for label, number in meant.items():
            if number == version and (served := self.leads(name, label)):
                return served
        takes_over = meant.get(STABLE) is None and default and default.version.version < version
        return default if takes_over else None

    def remember(self, name: str, stood: Served | None) -> None:
        """What stood for the model until now, where another version does now."""
        stands = self._registry.default(name)
        if stood and stands and stood.version != stands.version:
            self._before[name] = [*self.before(name)[-MOST_BEFORE + 1 :], stood.version.version]

    def before(self, name: str) -> list[int]:
        """The versions that stood for the model before, the last last."""
        return self._before.get(name, [])

    async def go_back(self, name: str, wishes: Wishes) -> None:
        """Wish for the version that stood before, which counts as gone back to."""
        before = self.before(name)
        await self.wish(name, wishes)
        self._before[name] = before[:-1]

    def close(self) -> None:
        self._state.close()
