"""What is told of a model's drift."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from headrace.drift.reference import make_column
from headrace.drift.service import Service
from headrace.drift.view import histogram, tell
from tests.drift.driven import Driven


def rows(seed: int, count: int, shift: float = 0.0) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    made = np.random.default_rng(seed).standard_normal((count, 4))
    made[:, 2] += shift
    return made


def test_each_feature_has_its_tests_and_histograms() -> None:
    driven = Driven().feed(rows(1, 2500)).feed(rows(2, 500, 1.0))
    told = json.loads(msgspec.json.encode(tell(driven.model, driven.feedback, {})))
    (version,) = told["versions"]
    assert (version["version"], version["state"], version["alarms"]) == ("1", "alarm", ["X[2]"])
    assert (version["rows"], version["windows"]) == (3000, 6)
    feature = next(each for each in version["features"] if each["name"] == "X[2]")
    assert feature["alarm"]
    assert {score["test"] for score in feature["scores"]} == {"ks", "mean", "psi", "range", "missing"}
    drawn = feature["histograms"]["reference"]
    assert sum(drawn["reference"]) == pytest.approx(1)
    assert sum(drawn["current"]) == pytest.approx(1)
    assert np.average(range(20), weights=drawn["current"]) > np.average(range(20), weights=drawn["reference"]) + 1


def test_before_there_is_a_reference_it_says_how_far_it_is() -> None:
    driven = Driven().feed(rows(1, 100))
    (version,) = tell(driven.model, driven.feedback, {})["versions"]
    assert version["state"] == "collecting"
    assert version["references"]["inputs"]["collected"] == 100
    assert version["references"]["inputs"]["wanted"] == 2000


def test_each_side_says_where_its_reference_is_from(tmp_path: Path) -> None:
    np.savez(tmp_path / "usual.npz", X=rows(1, 1000).astype(np.float32))
    driven = Driven(file=tmp_path / "usual.npz").feed(rows(2, 100), rows(3, 100)[:, :1])

    def told() -> dict[str, tuple[str | None, int | None]]:
        (version,) = tell(driven.model, driven.feedback, {})["versions"]
        return {side: (each["from"], each["rows"]) for side, each in version["references"].items()}

    assert told() == {"inputs": ("file", 1000), "outputs": (None, None)}
    driven.feed(rows(2, 1900), rows(3, 1900)[:, :1])
    assert told() == {"inputs": ("file", 1000), "outputs": ("rows", 2000)}


def test_one_version_alone_may_be_asked_for() -> None:
    driven = Driven().feed(rows(1, 2500)).feed(rows(2, 500), version=2)
    assert [each["version"] for each in tell(driven.model, driven.feedback, {}, 2)["versions"]] == ["2"]
    assert tell(driven.model, driven.feedback, {}, 2)["versions"][0]["previous"] == "1"


def test_how_a_version_serves_stands_beside_its_features() -> None:
    driven = Driven().feed(rows(1, 100))
    (version,) = tell(driven.model, driven.feedback, {1: Service(500)})["versions"]
    assert [(each["name"], each["side"], each["alarm"]) for each in version["features"][-2:]] == [
        ("latency", "service", False),
        ("error", "service", False),
    ]


def test_accuracy_is_told_by_the_minute() -> None:
    driven = Driven().feed(rows(1, 10))
    driven.feedback.judge("1", [0.5])
    (version,) = tell(driven.model, driven.feedback, {})["versions"]
    assert version["feedback"] == [{"time": 0, "rows": 1, "accuracy": 0.0, "mean_error": 0.5}]


def test_categories_are_told_one_by_one() -> None:
    told = histogram(make_column("Y.class", np.array([0.0, 1.0, 1.0, 1.0])), np.array([0.0, 0.0, np.nan, 1.0]))
    assert told["categories"] == [0, 1]
    assert (told["reference"], told["current"]) == ([0.25, 0.75], [pytest.approx(2 / 3), pytest.approx(1 / 3)])
    assert told["missing"] == {"reference": 0.0, "current": 0.25}


def test_values_beyond_the_range_are_in_the_last_bins() -> None:
    told = histogram(make_column("X[0]", np.linspace(0, 1, 1000)), np.array([-5.0, 0.5, 9.0, 9.0]))
    assert (told["current"][0], told["current"][-1]) == (0.25, 0.5)
    assert len(told["edges"]) == 21
