"""`headrace simulate`, on a file of times and on what a server tells."""

import json
from pathlib import Path

import pytest

from headrace.cli.main import main
from tests.cli.conftest import Answer, Serve
from tests.simulate.models import kept

SHORT = ("--rate", "50,100", "--slo-ms", "50", "--duration", "1")


def _told(path: str, headers: dict[str, str], body: bytes) -> Answer:
    if path != "/v2/headrace/models/m/versions/2/latency":
        return 404, {}, json.dumps({"error": "no such model", "code": "model_not_found"}).encode()
    told = {"model_name": "m", "model_version": "2", "max_size": 8, "instances": 1, "latency": kept()}
    return 200, {}, json.dumps(told).encode()


def test_a_study_is_a_table_and_json_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times, html = tmp_path / "times.json", tmp_path / "study.html"
    times.write_text(json.dumps(kept()))
    flags = ("--latency", str(times), *SHORT, "--policy", "deadline,none", "--json", "-", "--html", str(html))
    assert main(["simulate", *flags]) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert [(each["policy"], each["rate"]) for each in report["points"]] == [
        ("deadline", 50),
        ("deadline", 100),
        ("none", 50),
        ("none", 100),
    ]
    assert {"offered", "throughput", "goodput", "p50_ms", "p99_ms", "shed"} <= set(report["points"][0]["figures"])
    assert "deadline" in shown.err
    assert html.read_text().startswith("<!doctype html>")


def test_a_server_tells_what_its_model_takes(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    url = serve(_told)
    assert main(["simulate", "m", "--url", url, "--version", "2", *SHORT, "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "m 2"
    assert report["times"] == url
    assert report["scenario"]["limits"]["max_size"] == 8


def test_the_server_may_be_called_that_as_it_was_at_first(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    url = serve(_told)
    assert main(["simulate", "m", "--server", url, "--version", "2", *SHORT, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["times"] == url


def test_a_model_that_the_server_does_not_know_is_named(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "x", "--url", serve(_told), *SHORT]) == 1
    assert "the server answered 404: no such model" in capsys.readouterr().err


def test_a_file_that_is_none_of_times_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = tmp_path / "times.json"
    times.write_text("{}")
    assert main(["simulate", "--latency", str(times), *SHORT]) == 2
    assert f"--latency {times}: not the times of a model" in capsys.readouterr().err
    assert main(["simulate", "--latency", str(tmp_path / "none.json"), *SHORT]) == 2
    assert "No such file" in capsys.readouterr().err
