"""The dashboard for Grafana asks for metrics that there are."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BOARD = json.loads((ROOT / "docs" / "grafana.json").read_text())
EXPRESSIONS = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]


def test_every_metric_that_it_asks_for_is_documented() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()
    asked = {name for expression in EXPRESSIONS for name in re.findall(r"\b(?:headrace_|vllm:)\w+", expression)}
    assert asked
    assert not {name for name in asked if re.sub(r"_(bucket|sum|count)$", "", name) not in text}


def test_no_two_panels_lie_upon_one_another() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in BOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(places)
