"""On whose behalf requests come, and what each of those may have: what may be said of a tenant. Counts nothing."""

import math
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from headrace.errors import SettingInvalid

OTHERS = "default"
"""The name that stands for every tenant that is not named."""

MAX_NAME = 128  # characters


class Tenant(msgspec.Struct, frozen=True):
    """What one tenant may have."""

    weight: Annotated[
        float, Meta(ge=0.001, le=1000, description="Its share of a busy model, beside the shares of others.")
    ] = 1.0
    rate: Annotated[float, Meta(ge=0.001, description="Requests a second that are taken from it; inf: any number.")] = (
        math.inf
    )
    burst: Annotated[
        int, Meta(ge=0, le=10**9, description="Requests that may come at once; 0: as many as in a second.")
    ] = 0

    @property
    def most_at_once(self) -> int:
        """How many of its requests may come at once, where there is a limit."""
        return self.burst or max(1, math.ceil(self.rate))


def is_tenant(name: str) -> bool:
    """Whether a tenant may be called so."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()


def check_tenants(tenants: Mapping[str, Tenant]) -> None:
    """Raises SettingInvalid for a limit that would not limit."""
    for name, tenant in tenants.items():
        if tenant.burst and math.isinf(tenant.rate):
            raise SettingInvalid("goes with a rate, and there is none; say both, or neither", f"tenants.{name}.burst")


def weight_of(tenant: str, weights: Mapping[str, float]) -> float:
    """Its share beside the shares of others."""
    weight = weights.get(tenant)
    return weights.get(OTHERS, 1.0) if weight is None else weight
