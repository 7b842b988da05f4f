"""Whether a tenant may ask once more now: a bucket for each tenant whose rate is limited. No clock, no records."""

import math
from collections import OrderedDict
from collections.abc import Mapping

from headrace.errors import RateLimited
from headrace.gateway.token_bucket import TokenBucket
from headrace.tenants import OTHERS, Tenant

MOST = 10_000
"""Tenants without an entry of their own that are remembered: clients choose their names."""


class Rates:
    """Holds tenants to their rates. Owns the buckets.

    Each tenant that is not named has a bucket as `OTHERS` says. Where there are too many, what is full is forgotten,
    for it would come back the same; where none is, newcomers share one, so that new names give nobody more.
    """

    def __init__(self, tenants: Mapping[str, Tenant], most: int = MOST) -> None:
        limited = {name: tenant for name, tenant in tenants.items() if not math.isinf(tenant.rate)}
        self._named = {name: None if name not in limited else _bucket(tenant) for name, tenant in tenants.items()}
        self._rule = limited.get(OTHERS)
        self._others: OrderedDict[str, TokenBucket] = OrderedDict()  # the one that asked longest ago is the first
        self._newcomers = _bucket(self._rule) if self._rule else None
        self._most = most
        self.any = bool(limited)  # whether anybody is limited

    def take(self, tenant: str, now_ns: int) -> None:
        """Count one request. Raises RateLimited, which says when the next may come."""
        bucket = self._bucket_of(tenant, now_ns)
        if bucket is not None and not bucket.take(now_ns):
            name = f"tenant {tenant!r}" if tenant else "requests that name no tenant"
            raise RateLimited(f"the rate of {name} is used up", retry_after_s=bucket.wait_s())

    def _bucket_of(self, tenant: str, now_ns: int) -> TokenBucket | None:
        """None where the tenant is not limited."""
        if tenant != OTHERS and tenant in self._named:
            return self._named[tenant]
        if self._rule is None:
            return None
        others = self._others
        bucket = others.get(tenant)
        if bucket is not None:
            others.move_to_end(tenant)
            return bucket
        if len(others) >= self._most:
            oldest = next(iter(others))
            if not others[oldest].is_full(now_ns):
                return self._newcomers
            del others[oldest]
        bucket = others[tenant] = _bucket(self._rule)
        return bucket


def _bucket(tenant: Tenant) -> TokenBucket:
    return TokenBucket(tenant.rate, tenant.most_at_once)
