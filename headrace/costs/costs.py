"""What requests cost, brought together: the device, the books, a price. A listener of the bus."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from headrace.alike import Lot
from headrace.clock import Clock, rfc3339
from headrace.costs import families
from headrace.costs.account import REQUESTS, TOKENS, Account, Version
from headrace.costs.report import By, rows
from headrace.device_time import Charged, DeviceTime, Spent, charge
from headrace.observe.exposition import labels
from headrace.records import Record, StepRecord, WorkRecord
from headrace.types import ModelVersion

_SECOND = 1_000_000_000
_HOUR = 3600 * _SECOND


def usd_per_ns(per_hour: float) -> float:
    """The price of the whole device for a nanosecond."""
    return per_hour / _HOUR


class Costs:
    """Owns the device and the books of one server. It has requests and runs by `count`."""

    def __init__(self, per_hour: float, clock: Clock, epoch_ns: int) -> None:
        """`per_hour` is what the machine costs, in US dollars; 0: no price is told."""
        self.device = DeviceTime()
        self._per_hour = per_hour
        self._usd_per_ns = usd_per_ns(per_hour)
        self._clock = clock
        self._began_ns = clock.now_ns()
        self._began_s = (epoch_ns + self._began_ns) / _SECOND  # Unix time
        self._account = Account()
        self.device.spent(self._began_ns)  # idle from now on

    def __call__(self, records: Sequence[Record]) -> None:
        """Take what else ran on the device."""
        charged: defaultdict[ModelVersion, Charged] = defaultdict(Counter)
        tokens: Counter[tuple[str, Version]] = Counter()
        for record in records:
            if isinstance(record, StepRecord | WorkRecord):
                charge(record.device_ns, record.shares, charged[record.model])
                if isinstance(record, StepRecord):
                    for tenant, _, count in record.shares:
                        tokens[tenant, _version(record.model)] += count
        for model, parts in charged.items():
            self._charge(model, parts)
        for (tenant, of), count in tokens.items():
            self._account.count(tenant, of, TOKENS, count)

    def count(self, lot: Lot) -> None:
        """Take what runs had of the device, and count requests that were answered."""
        for runs in lot.runs:
            self._charge(runs.model, runs.charged)
        for group in lot.alike:
            if not group.error:
                of = group.model, "" if group.version is None else str(group.version)
                for tenant, count in group.tenants.items():
                    self._account.count(tenant, of, REQUESTS, count)

    def spent(self) -> Spent:
        """How the device's time was spent until now."""
        return self.device.spent(self._clock.now_ns())

    def told(self, by: By) -> dict[str, Any]:
        """The books since the server started, as `GET /v2/headrace/costs` answers."""
        spent = self.spent()
        told: dict[str, Any] = {
            "by": by,
            "since": rfc3339(self._began_s),
            "wall_s": (self._clock.now_ns() - self._began_ns) / _SECOND,
            "idle_s": spent.idle_ns / _SECOND,
            "busy_s": spent.busy_ns / _SECOND,
            "under_way_s": spent.under_way_ns / _SECOND,
        }
        if self._per_hour:
            told["per_hour"] = self._per_hour
            told["usd"] = spent.busy_ns * self._usd_per_ns
            told["idle_usd"] = spent.idle_ns * self._usd_per_ns
        return {**told, "costs": rows(self._account.entries(), by, self._usd_per_ns)}

    def lines(self) -> Iterator[str]:
        """What Prometheus reads of it."""
        spent, usd = self.spent(), Counter[tuple[str, str, str]]()
        yield from families.DEVICE_SECONDS.each(self._seconds(usd))
        yield from families.UNDER_WAY.lines([("", spent.under_way_ns / _SECOND)])
        yield from families.IDLE_SECONDS.lines([("", spent.idle_ns / _SECOND)])
        if self._per_hour:
            yield from families.COST.each((_labels(*of), ns * self._usd_per_ns) for of, ns in usd.items())

    def _charge(self, model: ModelVersion, parts: Charged) -> None:
        of = _version(model)
        for (tenant, phase), part_ns in parts.items():
            self._account.charge(tenant, of, phase, part_ns)

    def _seconds(self, usd: Counter[tuple[str, str, str]]) -> Iterator[tuple[str, float]]:
        """Of each phase; what phases are together is added to `usd`, in nanoseconds."""
        for tenant, model, version, kind, amount in self._account.entries():
            if kind not in (REQUESTS, TOKENS):
                usd[model, version, tenant] += amount
                yield _labels(model, version, tenant, phase=kind), amount / _SECOND


def _version(model: ModelVersion) -> Version:
    return model.name, str(model.version)


def _labels(model: str, version: str, tenant: str, **more: str) -> str:
    return labels({"model": model, "version": version, "tenant": tenant, **more})
