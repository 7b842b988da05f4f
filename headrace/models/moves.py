"""What the traffic among versions asks of the reconcile loop."""

from headrace.models.reconcile import Reconcile
from headrace.models.turns import back_turn, finished_turn, rollout_turn, shadow_turn, split_turn, step_turn
from headrace.traffic.plans import Rollout, Shadow, Split


class Moves:
    """Each returns once requests are led so, and raises as `Reconcile.steer` does."""

    def __init__(self, reconcile: Reconcile) -> None:
        self._reconcile = reconcile

    async def split(self, name: str, split: Split | None) -> None:
        await self._reconcile.steer(name, split_turn(split))

    async def shadow(self, name: str, shadow: Shadow | None) -> None:
        await self._reconcile.steer(name, shadow_turn(shadow))

    async def begin(self, name: str, rollout: Rollout) -> None:
        """Its base is what answers by default now."""
        await self._reconcile.steer(name, rollout_turn(rollout))

    async def go_to(self, name: str, rollout: Rollout, step: int) -> None:
        await self._reconcile.steer(name, step_turn(rollout, step), asked=False)

    async def finish(self, name: str, rollout: Rollout) -> None:
        await self._reconcile.steer(name, finished_turn(rollout), asked=False)

    async def back(self, name: str, rollout: Rollout | None) -> None:
        """Roll back this one; None: whatever runs, as a client asks for."""
        await self._reconcile.steer(name, back_turn(rollout), asked=rollout is None)
