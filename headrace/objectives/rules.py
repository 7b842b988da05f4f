"""The alert rules, as one table: what the server looks at itself, and the same as a file for Prometheus. Pure."""

import json
from collections.abc import Iterator

import msgspec

from headrace.alert_settings import Alerts, Slo, Speed
from headrace.objectives.budget import Burn

PAGE, TICKET = "page", "ticket"

BURN_FAST, BURN_MEDIUM, BURN_SLOW = "HeadraceBudgetBurnsFast", "HeadraceBudgetBurns", "HeadraceBudgetBurnsSlowly"
MODEL_FAILED, CRASH_LOOP = "HeadraceModelFailed", "HeadraceWorkerCrashLoop"
MEMORY, DISK, DROPPED, DRIFT = "HeadraceMemoryPressure", "HeadraceDiskFull", "HeadraceTelemetryDropped", "HeadraceDrift"
ABSENT = "HeadraceAbsent"
"""Only Prometheus can see this one."""

ON_PURPOSE = ("rate", "sampled", "large")
"""Reasons for which telemetry is left out that are no fault: a part looks at so many, of such a size, and no more."""

BURNS = (BURN_FAST, BURN_MEDIUM, BURN_SLOW)


class Rule(msgspec.Struct, frozen=True):
    """One alert: how bad it is, how long it must hold, and what Prometheus asks."""

    name: str
    severity: str  # page: somebody is needed now; ticket: somebody, soon
    for_s: float
    asks: str  # PromQL
    summary: str  # with Prometheus' templates in it
    what_to_do: str


class Watched(msgspec.Struct, frozen=True):
    """What the rules are made of: the parts of the settings that say when something is wrong."""

    slo: Slo
    alerts: Alerts
    pressure: float  # percent of time stalled for want of memory

    def burns(self) -> dict[str, Burn]:
        """The three rules on how fast a budget burns, by alert."""
        speeds: tuple[Speed, ...] = (self.slo.fast, self.slo.medium, self.slo.slow)
        return {name: Burn(each.burn, each.long_s, each.short_s) for name, each in zip(BURNS, speeds, strict=True)}

    def spans_s(self) -> tuple[float, ...]:
        """Every window that is counted, the period of the budget last."""
        spans = {span for burn in self.burns().values() for span in (burn.long_s, burn.short_s)}
        return (*sorted(spans), self.slo.period_days * 86400.0)


def rules(watched: Watched) -> tuple[Rule, ...]:
    """Every rule that these settings make."""
    return (*_burn_rules(watched), *_model_rules(watched), *_machine_rules(watched))


def rule_file(watched: Watched) -> str:
    """The rules as Prometheus reads them: `rule_files` in its own configuration names the file."""
    lines = ["# Made by `headrace alerts rules` from the server's settings; make it anew when they change.", "groups:"]
    lines += ["  - name: headrace-slo", "    rules:"]
    for span_s in watched.spans_s()[:-1]:
        lines += [f"      - record: {_recorded(span_s)}", f"        expr: {json.dumps(_errors(span_s))}"]
    lines += ["  - name: headrace-alerts", "    rules:"]
    for rule in rules(watched):
        lines += [
            f"      - alert: {rule.name}",
            f"        expr: {json.dumps(rule.asks)}",
            *([f"        for: {duration(rule.for_s)}"] if rule.for_s else []),
            "        labels:",
            f"          severity: {rule.severity}",
            "        annotations:",
            f"          summary: {json.dumps(rule.summary)}",
            f"          description: {json.dumps(rule.what_to_do)}",
        ]
    return "\n".join(lines) + "\n"


def duration(seconds: float) -> str:
    """As Prometheus writes it: `1h`, `5m`, `1500ms`."""
    milliseconds = max(1, round(seconds * 1000))
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _recorded(span_s: float) -> str:
    return f"headrace:slo_errors:ratio_rate{duration(span_s)}"


def _errors(span_s: float) -> str:
    counted = "sum by (model, objective) (rate(headrace_slo_requests_total{}[{}]))"
    failed = counted.replace("{}", '{outcome="bad"}', 1).replace("{}", duration(span_s))
    return f"{failed} / {counted.replace('{}', '', 1).replace('{}', duration(span_s))}"


def _burn_rules(watched: Watched) -> Iterator[Rule]:
    for name, burn in watched.burns().items():
        long, short = duration(burn.long_s), duration(burn.short_s)
        most = f"{burn.rate:g} * (1 - max by (model, objective) (headrace_slo_target))"
        failures = f'sum by (model, objective) (increase(headrace_slo_requests_total{{outcome="bad"}}[{long}]))'
        yield Rule(
            name,
            TICKET if name == BURN_SLOW else PAGE,
            0.0,
            f"{_recorded(burn.long_s)} > {most} and {_recorded(burn.short_s)} > {most}"
            f" and {failures} > {watched.slo.least_failures - 0.5:g}",
            f"{{{{ $labels.model }}}} misses {{{{ $labels.objective }}}} more than {burn.rate:g} times as often as its"
            f" budget allows, over {long} and over {short}",
            "Ask `headrace why MODEL` what changed; roll back a release, or add room.",
        )


def _model_rules(watched: Watched) -> Iterator[Rule]:
    alerts = watched.alerts
    window = duration(alerts.window_s)
    yield Rule(
        MODEL_FAILED,
        PAGE,
        alerts.for_s,
        "headrace_model_failed == 1",
        "{{ $labels.model }} version {{ $labels.version }} answered and cannot any more",
        "`headrace events MODEL` says why; `headrace rollback MODEL` returns to the version before.",
    )
    yield Rule(
        CRASH_LOOP,
        PAGE,
        0.0,
        f"increase(headrace_worker_restarts_total[{window}]) > {alerts.crashes - 0.5:g}",
        "workers of {{ $labels.model }} version {{ $labels.version }} die again and again",
        "The log has their last words; `headrace rollback MODEL` returns to the version before.",
    )
    yield Rule(
        DRIFT,
        TICKET,
        0.0,
        "headrace_drift_alarm == 1",
        "{{ $labels.feature }} ({{ $labels.side }}) of {{ $labels.model }} version {{ $labels.version }} has drifted"
        " from its reference",
        "`headrace drift MODEL` shows the histograms beside each other.",
    )


def _machine_rules(watched: Watched) -> Iterator[Rule]:
    alerts = watched.alerts
    yield Rule(
        MEMORY,
        PAGE,
        alerts.for_s,
        f"headrace_memory_stalled_ratio > {watched.pressure / 100:g}",
        "programs stand still for want of memory {{ $value | humanizePercentage }} of the time",
        "`headrace memory` says who holds how much; unload models, or lower memory.budget.",
    )
    yield Rule(
        DISK,
        PAGE,
        alerts.for_s,
        f"headrace_disk_free_ratio < {alerts.disk_free:g}",
        "the disk of {{ $labels.place }} has {{ $value | humanizePercentage }} left",
        "Make room: until then nothing new is kept there.",
    )
    yield Rule(
        DROPPED,
        TICKET,
        0.0,
        f'sum by (part) (increase(headrace_telemetry_dropped_total{{reason!~"{"|".join(ON_PURPOSE)}"}}'
        f"[{duration(alerts.window_s)}])) > 0",
        "{{ $labels.part }} left something out: metrics, traces or notices are not whole",
        "headrace_telemetry_dropped_total says for which reason.",
    )
    yield Rule(
        ABSENT,
        PAGE,
        alerts.for_s,
        "absent(headrace_build_info)",
        "no headrace server can be scraped",
        "Is it running, and does Prometheus reach it?",
    )
