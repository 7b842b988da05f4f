"""The books as they are told, by tenant, by model or by version."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Literal

from headrace.costs.account import REQUESTS, TOKENS, Entry

By = Literal["tenant", "model", "version"]

_SECOND = 1_000_000_000


def rows(entries: Iterable[Entry], by: By, usd_per_ns: float) -> list[dict[str, Any]]:
    """One for each tenant, model or version, the most costly first.

    What a request and a token cost is all that was spent, idle time left out, over what was answered.
    """
    amounts: defaultdict[tuple[str, ...], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for entry in entries:
        amounts[_key(entry, by)][entry.kind] += entry.amount
    names = ("model", "version") if by == "version" else (by,)
    told = [
        {**dict(zip(names, key, strict=True)), **_row(dict(each), usd_per_ns)} for key, each in sorted(amounts.items())
    ]
    return sorted(told, key=lambda row: -row["device_s"])


def _key(entry: Entry, by: By) -> tuple[str, ...]:
    if by == "version":
        return entry.model, entry.version
    return (entry.tenant if by == "tenant" else entry.model,)


def _row(amounts: dict[str, int], usd_per_ns: float) -> dict[str, Any]:
    requests, tokens = amounts.pop(REQUESTS, 0), amounts.pop(TOKENS, 0)
    device_ns = sum(amounts.values())
    row: dict[str, Any] = {
        "device_s": device_ns / _SECOND,
        "phases": {phase: ns / _SECOND for phase, ns in sorted(amounts.items())},
        "requests": requests,
        "tokens": tokens,
        "device_s_per_1000_requests": _per(device_ns / _SECOND, requests, 1000),
    }
    if usd_per_ns:
        usd = device_ns * usd_per_ns
        row["usd"] = usd
        row["usd_per_1000_requests"] = _per(usd, requests, 1000)
        row["usd_per_million_tokens"] = _per(usd, tokens, 1_000_000)
    return row


def _per(amount: float, count: int, each: int) -> float | None:
    """None where there was nothing to divide among."""
    return amount / count * each if count else None
