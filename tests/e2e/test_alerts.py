"""A server whose workers die tells somebody, and tells when that is over; one that does not listen is no trouble."""

import json
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.objectives.rules import BURN_FAST, BURN_MEDIUM, BURN_SLOW, CRASH_LOOP, DROPPED, MODEL_FAILED
from tests.e2e.attack import Target, row
from tests.e2e.conftest import ROWS, add_fake
from tests.e2e.test_chaos import wait_until
from tests.objectives.hook import Hook, hook
from tests.program import ANY_PORTS, ROOT, serving

CRASH = 13.0
SHORT = (
    "slo.availability=0.99",
    "slo.fast.long_s=1",
    "slo.fast.short_s=0.3",
    "slo.medium.long_s=1.5",
    "slo.medium.short_s=0.4",
    "slo.slow.long_s=2",
    "slo.slow.short_s=0.5",
    "alerts.every_s=0.05",
    "alerts.for_s=0",
    "alerts.resolve_s=0.2",
    "alerts.window_s=2",
    "alerts.group_wait_s=0",
    "alerts.group_interval_s=0",
)
"""The same rules, with windows of seconds."""


@contextmanager
def target(folder: Path, *settings: str) -> Iterator[Target]:
    flags = [flag for setting in (*SHORT, *settings) for flag in ("--set", setting)]
    with serving(folder, *ANY_PORTS, *flags) as program:
        yield Target(program)


def ask(server: Target, value: float = 1.0) -> int:
    return server.infer("trouble", row(data=[value, 2])).status


def told(server: Target, path: str) -> Any:
    return json.loads(server.ask("GET", f"/v2/headrace/{path}").body)


def states(made: Hook) -> dict[str, str]:
    """The state in which each alert was posted last."""
    notices = [json.loads(body) for _, _, body in list(made.got)]
    return {alert["alert"]: alert["state"] for notice in notices for alert in notice["alerts"]}


@pytest.mark.slow
def test_workers_that_die_fire_every_alert_that_is_about_them_and_all_recover(tmp_path: Path) -> None:
    add_fake(tmp_path, "trouble", f"crash_on = {CRASH}\n{ROWS}")
    about = {BURN_FAST, BURN_MEDIUM, BURN_SLOW, MODEL_FAILED, CRASH_LOOP}
    with hook() as made, target(tmp_path, f"alerts.webhook={made.url}") as server:
        assert ask(server) == 200

        def crashes_until_all_fire() -> bool:
            ask(server, CRASH)
            return {alert for alert, state in states(made).items() if state == "firing"} >= about

        def answers_until_all_is_over() -> bool:
            ask(server)
            return set(states(made).values()) == {"resolved"}

        wait_until(crashes_until_all_fire)
        wait_until(answers_until_all_is_over)
        wait_until(lambda: not [each for each in told(server, "alerts")["alerts"] if each["state"] == "firing"])
        (availability,) = told(server, "slo/trouble")["objectives"]
        page = server.ask("GET", "/metrics").body.decode()
    assert availability["bad"] > 0
    assert availability["budget_remaining"] < 0
    assert 'headrace_slo_target{model="trouble",objective="availability"} 0.99' in page
    assert 'headrace_model_failed{model="trouble",version="1"} 0' in page


@pytest.mark.slow
def test_one_that_does_not_listen_delays_nothing_and_is_told_of(tmp_path: Path) -> None:
    add_fake(tmp_path, "trouble", f"crash_on = {CRASH}\n{ROWS}")
    with socket.create_server(("127.0.0.1", 0)) as deaf, socket.socket() as closed, hook() as made:
        closed.bind(("127.0.0.1", 0))
        dead = (
            f"alerts.alertmanager=http://127.0.0.1:{deaf.getsockname()[1]}",
            f"alerts.smtp=smtp://127.0.0.1:{closed.getsockname()[1]}",
            "alerts.email_from=a@example.org",
            "alerts.email_to=b@example.org",
            "alerts.timeout_s=0.2",
        )
        with target(tmp_path, f"alerts.webhook={made.url}", *dead) as server:

            def hears_that_others_do_not() -> bool:
                ask(server, CRASH)
                return DROPPED in states(made)

            wait_until(hears_that_others_do_not)
            dropped = 'headrace_telemetry_dropped_total{part="alerts",reason="%s_failed"}'
            wait_until(lambda: all(server.metric(dropped % name) for name in ("alertmanager", "email")))
            receivers = {each["name"]: each for each in told(server, "alerts")["receivers"]}
            assert server.program.stop() == 0
    assert (receivers["webhook"]["dropped"], receivers["webhook"]["fault"]) == (0, None)
    assert receivers["alertmanager"]["fault"] == "it did not answer in time"


@pytest.mark.slow
def test_a_silence_outlives_a_restart_and_a_budget_too(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    add_fake(tmp_path / "models", "trouble", f"crash_on = {CRASH}\n{ROWS}")
    kept = f"state.dir={tmp_path / 'state'}"
    add = {"match": {"model": "trouble"}, "for_s": 600, "reason": "<script>\n\x1b[31m"}
    with target(tmp_path / "models", kept) as server:
        assert ask(server, CRASH) == 503
        made = server.ask("POST", "/v2/headrace/alerts", json.dumps(add).encode())
        assert made.status == 200
        wait_until(lambda: told(server, "slo/trouble")["objectives"][0]["bad"] == 1)
        assert server.program.stop() == 0
    with target(tmp_path / "models", kept) as server:
        assert ask(server) == 200
        wait_until(lambda: told(server, "slo/trouble")["objectives"][0]["good"] == 1)
        assert told(server, "slo/trouble")["objectives"][0]["bad"] == 1
        (silence,) = told(server, "alerts")["silences"]
    assert silence["reason"] == add["reason"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not here: `make system`")
def test_prometheus_fires_the_same_by_the_rules_that_are_printed_for_it(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    add_fake(tmp_path / "models", "trouble", f"crash_on = {CRASH}\n{ROWS}")
    about = {BURN_FAST, BURN_MEDIUM, BURN_SLOW, MODEL_FAILED, CRASH_LOOP}
    with target(tmp_path / "models", *SLOWER) as server, prometheus(tmp_path, server) as fires:
        fired = set[str]()

        def crashes_until_all_have_fired() -> bool:
            ask(server, CRASH)
            fired.update(fires())
            return fired >= about

        def answers_until_none_fires() -> bool:
            ask(server)
            return not fires()

        assert ask(server) == 200
        wait_until(crashes_until_all_have_fired)
        wait_until(answers_until_none_fires)


SLOWER = (
    "slo.fast.long_s=4",
    "slo.fast.short_s=2",
    "slo.medium.long_s=5",
    "slo.medium.short_s=2",
    "slo.slow.long_s=6",
    "slo.slow.short_s=2",
    "alerts.window_s=5",
)
"""Windows that hold a few of Prometheus' scrapes."""


@contextmanager
def prometheus(folder: Path, server: Target) -> Iterator[Callable[[], set[str]]]:
    """One that has scraped the server, by the rules of its settings; tells which alerts fire."""
    flags = [flag for setting in (*SHORT, *SLOWER) for flag in ("--set", setting)]
    printed = subprocess.run(
        [sys.executable, "-m", "headrace", "alerts", "rules", *flags], cwd=ROOT, capture_output=True, check=True
    )
    (folder / "rules.yml").write_bytes(printed.stdout)
    every = {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"}
    scraped = {"job_name": "headrace", "static_configs": [{"targets": [server.http]}]}
    config = {"global": every, "rule_files": ["rules.yml"], "scrape_configs": [scraped]}
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    told = (folder / "prometheus.log").open("wb")

    def asked(path: str) -> Any:
        try:
            with urllib.request.urlopen(f"http://{address}/api/v1/{path}", timeout=30) as answer:
                return json.load(answer)["data"]
        except OSError:  # it is not there yet
            return None

    def fires() -> set[str]:
        return {each["labels"]["alertname"] for each in asked("alerts")["alerts"] if each["state"] == "firing"}

    with told, subprocess.Popen([*command, f"--web.listen-address={address}"], stderr=told) as process:
        try:
            wait_until(lambda: bool((asked("query?query=headrace_slo_target") or {}).get("result")))
            yield fires
        finally:
            process.kill()
