"""The file for Prometheus holds every rule, by the settings; `promtool` runs each of them to fire and to recover."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from headrace.alert_settings import Alerts, FastBurn, Slo
from headrace.objectives.rules import (
    ABSENT,
    BURN_FAST,
    BURN_MEDIUM,
    BURN_SLOW,
    CRASH_LOOP,
    DISK,
    DRIFT,
    DROPPED,
    MEMORY,
    MODEL_FAILED,
    Watched,
    duration,
    rule_file,
    rules,
)

WATCHED = Watched(Slo(), Alerts(), pressure=40.0)
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here: `make system`")

MODEL = 'model="m",objective="availability"'
VERSION = 'model="m",version="1"'
SLO_UP = {f"headrace_slo_target{{{MODEL}}}": "0.999+0x8640", "headrace_build_info": "1+0x8640"}
GOOD = f'headrace_slo_requests_total{{{MODEL},outcome="good"}}'
BAD = f'headrace_slo_requests_total{{{MODEL},outcome="bad"}}'


def burning(bad: str) -> dict[str, str]:
    return {**SLO_UP, GOOD: "0+6000x8640", BAD: bad}


# Each alert: what is scraped each minute, when it fires, when it does not (any more), and its labels.
CASES: dict[str, tuple[dict[str, str], str, str, dict[str, str]]] = {
    BURN_FAST: (
        burning("0x120 0+600x60 36000+0x8000"),
        "3h",
        "3h15m",
        {"model": "m", "objective": "availability", "severity": "page"},
    ),
    BURN_MEDIUM: (
        burning("0x480 0+60x420 25200+0x8000"),
        "15h",
        "16h",
        {"model": "m", "objective": "availability", "severity": "page"},
    ),
    BURN_SLOW: (
        burning("0+13x4320 56160+0x4000"),
        "72h",
        "80h",
        {"model": "m", "objective": "availability", "severity": "ticket"},
    ),
    MODEL_FAILED: (
        {f"headrace_model_failed{{{VERSION}}}": "0x10 1x20 0x100", "headrace_build_info": "1+0x8640"},
        "25m",
        "40m",
        {"model": "m", "version": "1", "severity": "page"},
    ),
    CRASH_LOOP: (
        {f"headrace_worker_restarts_total{{{VERSION}}}": "0x10 1 2 3 4x100", "headrace_build_info": "1+0x8640"},
        "15m",
        "40m",
        {"model": "m", "version": "1", "severity": "page"},
    ),
    DRIFT: (
        {
            f'headrace_drift_alarm{{{VERSION},side="inputs",feature="X[2]"}}': "0x10 1x20 0x100",
            "headrace_build_info": "1+0x8640",
        },
        "25m",
        "40m",
        {"model": "m", "version": "1", "side": "inputs", "feature": "X[2]", "severity": "ticket"},
    ),
    MEMORY: (
        {"headrace_memory_stalled_ratio": "0.1x10 0.6x20 0.1x100", "headrace_build_info": "1+0x8640"},
        "25m",
        "40m",
        {"severity": "page"},
    ),
    DISK: (
        {'headrace_disk_free_ratio{place="state"}': "0.5x10 0.01x20 0.5x100", "headrace_build_info": "1+0x8640"},
        "25m",
        "40m",
        {"place": "state", "severity": "page"},
    ),
    DROPPED: (
        {
            'headrace_telemetry_dropped_total{part="traces",reason="full"}': "0x10 0+5x5 25x100",
            "headrace_build_info": "1+0x8640",
        },
        "15m",
        "60m",
        {"part": "traces", "severity": "ticket"},
    ),
    ABSENT: ({"headrace_build_info": "1x10 _x20 1x100"}, "25m", "40m", {"severity": "page"}),
}


def test_every_rule_is_exercised_here() -> None:
    assert {rule.name for rule in rules(WATCHED)} == set(CASES)


@promtool
def test_promtool_takes_the_file(tmp_path: Path) -> None:
    told = run_promtool("check", tmp_path, WATCHED)
    assert f"SUCCESS: {len(CASES) + 5} rules found" in told


@promtool
@pytest.mark.parametrize("alert", CASES)
def test_a_rule_fires_and_recovers(alert: str, tmp_path: Path) -> None:
    series, fires, is_over, labels = CASES[alert]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": fires, "alertname": alert, "exp_alerts": [{"exp_labels": labels}]},
            {"eval_time": is_over, "alertname": alert, "exp_alerts": []},
        ],
    }
    run_promtool("test", tmp_path, WATCHED, test)


@promtool
def test_nothing_fires_while_all_is_well(tmp_path: Path) -> None:
    well = {
        **burning("0+3x8640"),
        f"headrace_model_failed{{{VERSION}}}": "0x8640",
        f"headrace_worker_restarts_total{{{VERSION}}}": "2x8640",
        "headrace_memory_stalled_ratio": "0x8640",
        'headrace_disk_free_ratio{place="state"}': "0.5x8640",
        'headrace_telemetry_dropped_total{part="traces",reason="full"}': "0x8640",
        'headrace_telemetry_dropped_total{part="drift",reason="sampled"}': "0+100x8640",
        'headrace_telemetry_dropped_total{part="drift",reason="large"}': "0+100x8640",
        'headrace_telemetry_dropped_total{part="traces",reason="rate"}': "0+100x8640",
    }
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in well.items()],
        "alert_rule_test": [
            {"eval_time": at, "alertname": alert, "exp_alerts": []} for alert in CASES for at in ("2h", "75h")
        ],
    }
    run_promtool("test", tmp_path, WATCHED, test)


@promtool
def test_the_settings_say_where_the_bounds_are(tmp_path: Path) -> None:
    short = Watched(Slo(fast=FastBurn(burn=2.0, long_s=90.0, short_s=1.5)), Alerts(for_s=0.5, window_s=45), 70.0)
    text = rule_file(short)
    assert "ratio_rate90s > 2 *" in text
    assert "ratio_rate1500ms > 2 *" in text
    assert "headrace_memory_stalled_ratio > 0.7" in text
    assert "[45s]" in text
    run_promtool("check", tmp_path, short)


@pytest.mark.parametrize(
    ("seconds", "written"), [(3600, "1h"), (300, "5m"), (259_200, "3d"), (90, "90s"), (1.5, "1500ms"), (0.0001, "1ms")]
)
def test_a_duration_is_written_in_its_largest_unit(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def run_promtool(verb: str, folder: Path, watched: Watched, test: dict[str, Any] | None = None) -> str:
    """What it says; the words of alerts are filled in, so that tests say labels alone."""
    file = folder / "rules.yml"
    file.write_text(rule_file(watched))
    if test is not None:
        for check in test["alert_rule_test"]:
            for expected in check["exp_alerts"]:
                expected["exp_annotations"] = annotations(watched, check["alertname"], expected["exp_labels"])
        (folder / "test.yml").write_text(
            json.dumps({"rule_files": [file.name], "evaluation_interval": "5m", "tests": [test]})
        )
        file = folder / "test.yml"
    ran = subprocess.run(
        ["promtool", verb, "rules", str(file)], capture_output=True, text=True, check=False, timeout=100
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def annotations(watched: Watched, alert: str, labels: dict[str, str]) -> dict[str, str]:
    rule = next(rule for rule in rules(watched) if rule.name == alert)
    summary = rule.summary
    for name, value in labels.items():
        summary = summary.replace(f"{{{{ $labels.{name} }}}}", value)
    value = {MEMORY: "60%", DISK: "1%"}.get(alert, "")
    return {"summary": summary.replace("{{ $value | humanizePercentage }}", value), "description": rule.what_to_do}
