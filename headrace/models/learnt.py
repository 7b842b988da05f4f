"""What loading has shown on its way to the disk: gathered on the loop, written off it."""

import asyncio

from headrace.memory.profiles import Profile, Profiles
from headrace.models.profile_store import ProfileStore


class Learnt:
    """Owns the profiles that are not written yet."""

    def __init__(self, store: ProfileStore) -> None:
        self.profiles = Profiles(self._keep)
        self._store = store
        self._news: dict[str, Profile] = {}

    async def read(self) -> None:
        """Take up what earlier starts have kept."""
        self.profiles.learnt_before(await asyncio.to_thread(self._store.read))

    async def save(self) -> None:
        """Write what is new since the last time."""
        if self._news:
            news, self._news = self._news, {}
            await asyncio.to_thread(self._store.write, news)

    def _keep(self, key: str, profile: Profile) -> None:
        self._news[key] = profile
