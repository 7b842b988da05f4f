"""`headrace simulate` with what a real server tells of its models, and with what it keeps of them."""

import json
from pathlib import Path

import pytest

from headrace.cli.main import main
from tests.program import ANY_PORTS, serving

FAKE = """
delay_ms = 1
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""
LOAD = ("--rate", "100", "--slo-ms", "100", "--duration", "2", "--json", "-")


def test_what_a_server_tells_and_what_it_keeps_is_simulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "rows").mkdir(parents=True)
    (tmp_path / "models" / "rows" / "model.fake").write_text(FAKE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with serving(tmp_path / "models", *ANY_PORTS) as program:
        assert main(["simulate", "rows", "--url", f"http://{program.http}", *LOAD]) == 0
        told = json.loads(capsys.readouterr().out)
        assert main(["simulate", "rows", "--url", f"http://{program.http}", "--variant", "small", *LOAD]) == 1
        assert "variant: rows/1 has no variants" in capsys.readouterr().err
    (kept,) = (tmp_path / "cache" / "headrace").glob("latency-*.json")
    assert main(["simulate", "--latency", str(kept), *LOAD]) == 0
    read = json.loads(capsys.readouterr().out)
    for report in (told, read):
        (point,) = report["points"]
        assert point["figures"]["attainment"] == 1.0
        assert 0.5 < point["figures"]["p50_ms"] < 50
    assert told["model"] == "rows 1"
