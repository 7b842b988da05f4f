"""What Prometheus reads of objectives and alerts."""

from collections.abc import Iterator, Mapping, Sequence

from headrace.objectives.alerts import Alerts
from headrace.objectives.budget import budget_remaining, burn_rate
from headrace.objectives.counts import Series
from headrace.objectives.receiver import Receiver
from headrace.objectives.rules import Watched, duration
from headrace.observe.exposition import Family, labels
from headrace.types import ModelVersion

TARGET = Family("headrace_slo_target", "gauge", "Share of a model's requests that is to keep the objective.")
REQUESTS = Family("headrace_slo_requests_total", "counter", "Requests that kept an objective (good), or did not (bad).")
REMAINING = Family(
    "headrace_slo_budget_remaining", "gauge", "Share of the error budget that is left; below 0: overdrawn."
)
BURN = Family("headrace_slo_burn_rate", "gauge", "Times as fast as allowed that the budget is used, over a window.")
FAILED = Family(
    "headrace_model_failed", "gauge", "1 where a version answered and cannot any more, and nobody wanted that."
)
ALERTS = Family("headrace_alerts", "gauge", "Alerts of the server's own, by state.")
NOTICES = Family(
    "headrace_alert_notices_total", "counter", "Notices of alerts that arrived (sent), or never will (dropped)."
)
STALLED = Family(
    "headrace_memory_stalled_ratio", "gauge", "Share of the last ten seconds that programs waited for memory."
)
DISK = Family("headrace_disk_free_ratio", "gauge", "Share of a disk that is free, by what the server writes there.")


def of_objectives(series: Mapping[tuple[str, str], Series], watched: Watched) -> Iterator[str]:
    """Lines of every promise that is current."""
    now = [
        (labels({"model": model, "objective": objective}), each)
        for (model, objective), each in sorted(series.items())
        if each.current
    ]
    *spans_s, period_s = watched.spans_s()
    windows = [(f',window="{duration(span_s)}"}}', span_s) for span_s in spans_s]
    yield from TARGET.each((of, each.promise.target) for of, each in now)
    yield from REQUESTS.each(
        (f'{of[:-1]},outcome="{outcome}"}}', count)
        for of, each in now
        for outcome, count in (("good", each.good), ("bad", each.bad))
    )
    yield from REMAINING.each((of, remaining(each, period_s)) for of, each in now)
    yield from BURN.each((of[:-1] + window, burned(each, span_s)) for of, each in now for window, span_s in windows)


def of_alerts(alerts: Alerts, receivers: Sequence[Receiver]) -> Iterator[str]:
    """Lines of how many alerts there are, and what became of their notices."""
    yield from ALERTS.each(
        (labels({"alert": alert, "severity": severity, "state": state}), count)
        for (alert, severity, state), count in sorted(alerts.counts().items())
    )
    yield from NOTICES.each(
        (labels({"receiver": each.name, "outcome": outcome}), count)
        for each in receivers
        for outcome, count in (("sent", each.sent), ("dropped", each.dropped.total()))
    )


def of_the_server(
    were_ready: Sequence[ModelVersion],
    failed: Mapping[ModelVersion, str],
    stalled: float | None,
    disks: Mapping[str, float],
) -> Iterator[str]:
    """Lines of what other rules rest on."""
    yield from FAILED.each(
        (labels({"model": each.name, "version": str(each.version)}), int(each in failed)) for each in were_ready
    )
    yield from STALLED.each([] if stalled is None else [("", stalled)])
    yield from DISK.each((labels({"place": place}), free) for place, free in disks.items())


def remaining(series: Series, period_s: float) -> float:
    """Share of the budget of a period that is left."""
    window = series.windows[period_s]
    return budget_remaining(window.good, window.bad, series.promise.target)


def burned(series: Series, span_s: float) -> float:
    """How fast the budget burned over a window."""
    window = series.windows[span_s]
    return burn_rate(window.good, window.bad, series.promise.target)
