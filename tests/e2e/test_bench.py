"""`headrace bench` against a real server: every protocol, and a server that goes away."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import main
from tests.bench.reports import OBJECTIVE, report
from tests.e2e.browser import chromium, needs_chromium
from tests.program import ANY_PORTS, ROOT, Program, serving

FAKE = """
delay_ms = 1
inputs = [{ name = "x", shape = [-1, -1] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
SHORT = ("--duration", "0.5", "--warmup", "0.1")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    for name, file, text in (("rows", "model.fake", FAKE), ("chat", "model.fakellm", "delay_ms = 2\n")):
        (folder / name).mkdir()
        (folder / name / file).write_text(text)
    return folder


@pytest.fixture(scope="module")
def program(repository: Path) -> Iterator[Program]:
    with serving(repository, *ANY_PORTS) as running:
        yield running


def _measured(capsys: pytest.CaptureFixture[str], *flags: str, ends_with: int = 0) -> dict[str, Any]:
    assert main(["bench", *flags, *SHORT, "--json", "-"]) == ends_with
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_tensors_are_measured_over_both_protocols(
    protocol: str, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"grpc://{program.grpc}" if protocol == "grpc" else f"http://{program.http}"
    flags = ("--protocol", protocol, "--rate", "60", "--concurrency", "4", "--lengths", "lognormal:8:0.5:2:32")
    found = _measured(capsys, url, "rows", *flags, "--server-stats", "--slo-ms", "5000")
    for step in found["steps"]:
        assert step["outcomes"]["in_time"] == step["sent"] > 5
        assert step["server"]["requests"] == step["sent"]
        assert sum(step["server"]["sizes"].values()) == step["server"]["runs"]
    if protocol == "http":
        assert sum(found["steps"][1]["server"]["reasons"].values()) == found["steps"][1]["server"]["runs"]


def test_large_tensors_pass_the_windows_of_http_2(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--protocol", "grpc", "--concurrency", "2", "--lengths", "150000", "--timeout", "20")
    (step,) = _measured(capsys, f"grpc://{program.grpc}", "rows", *flags)["steps"]
    assert step["outcomes"]["in_time"] == step["sent"] > 0


def test_a_chat_is_measured_token_by_token(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    flags = (
        "--protocol",
        "chat",
        "--concurrency",
        "2",
        "--output-tokens",
        "10",
        "--lengths",
        "20",
        "--slo-ttft-ms",
        "9000",
    )
    (step,) = _measured(capsys, f"http://{program.http}", "chat", *flags)["steps"]
    assert step["outcomes"]["in_time"] == step["sent"] > 0
    streams = step["streams"]
    assert streams["mean_output_tokens"] == 10
    assert 0 < streams["ttft_ms"]["p50"] < step["p50_ms"]
    assert streams["max_itl_ms"]["p50"] >= streams["itl_ms"]["p50"]


@pytest.mark.parametrize("protocol", ["http", "grpc", "chat"])
def test_an_unknown_model_is_told_with_those_that_are_there(
    protocol: str, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"grpc://{program.grpc}" if protocol == "grpc" else f"http://{program.http}"
    assert main(["bench", url, "nothere", "--protocol", protocol]) == 1
    told = capsys.readouterr().err
    assert "nothere" in told
    assert "the server has chat" in told


def test_what_the_server_refuses_is_shed_or_an_error_and_never_hidden(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--concurrency", "1", "--header", "inference-header-content-length=3")
    (step,) = _measured(capsys, f"http://{program.http}", "rows", *flags, ends_with=1)["steps"]
    assert step["outcomes"]["errors"] == step["sent"] > 0
    assert list(step["said"]) == ["400"]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "interrupted"])
def test_what_was_measured_is_kept_where_it_ends_early(how: str, repository: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    with serving(repository, *ANY_PORTS) as server:
        command = [sys.executable, "-m", "headrace", "bench", f"http://{server.http}", "rows", "--rate", "100"]
        command += ["--duration", "60", "--warmup", "0", "--json", str(kept)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as bench:
            _wait_for_requests(server)
            bench.send_signal(signal.SIGINT) if how == "interrupted" else server.process.kill()
            told = bench.communicate(timeout=60)[0]
    found = json.loads(kept.read_text())
    assert found["steps"][0]["outcomes"]["in_time"] > 0
    if how == "interrupted":
        assert (bench.returncode, found["ended"]) == (130, "interrupted")
    else:
        assert bench.returncode == 1
        assert found["ended"].startswith("the server was gone after")
    assert "it ended early" in told


def _wait_for_requests(server: Program) -> None:
    """Until the server has answered some."""
    from urllib.request import urlopen

    while True:
        with urlopen(f"http://{server.http}/v2/models/rows/stats", timeout=10) as answer:
            if json.load(answer)["model_stats"][0]["inference_count"] > 20:
                return


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_a_report_is_a_page_that_a_browser_shows(width: int, tmp_path: Path) -> None:
    from headrace.bench.page import page

    path = tmp_path / "report.html"
    path.write_text(page(report(streams=True), OBJECTIVE))
    with chromium(path.as_uri(), tmp_path / "profile") as shown:
        shown.driver.set_window_size(width, 900)
        shown.open()
        shown.sees("h1", "<script>alert(1)</script>")
        charts = shown.all("section.charts svg")
        assert len(charts) == 7
        assert all(each.size["width"] > 200 for each in charts)
        assert shown.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert shown.complaints() == []
