"""Drift as Prometheus reads it."""

import numpy as np

from headrace.arrays import from_array
from headrace.drift.pages import Pages
from headrace.drift.service import Service
from headrace.types import TensorSpec
from tests.drift.driven import Driven, sample, signature


def page(driven: Driven, pages: Pages | None = None, name: str = "m") -> list[str]:
    versions = {(name, number): drift for number, drift in driven.model.versions.items()}
    return list((pages or Pages()).lines(versions, {}))


def rows(seed: int, count: int, shift: float = 0.0) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    made = np.random.default_rng(seed).standard_normal((count, 4))
    made[:, 2] += shift
    return made


def test_an_alarm_is_there_as_0_from_the_first_row() -> None:
    lines = page(Driven().feed(rows(1, 1)))
    assert 'headrace_drift_alarm{model="m",version="1",side="inputs",feature="X[2]"} 0' in lines
    assert 'headrace_drift_rows_total{model="m",version="1"} 1' in lines


def test_an_alarm_rises_and_falls_and_scores_are_ratios() -> None:
    driven, pages = Driven().feed(rows(1, 2500)), Pages()
    page(driven, pages)
    driven.feed(rows(2, 500, 1.0))
    lines = page(driven, pages)
    assert 'headrace_drift_alarm{model="m",version="1",side="inputs",feature="X[2]"} 1' in lines
    assert 'headrace_drift_alarm{model="m",version="1",side="inputs",feature="X[1]"} 0' in lines
    score = next(line for line in lines if 'feature="X[2]",test="ks"' in line)
    assert float(score.split()[-1]) > 1
    assert 'headrace_drift_alarm{model="m",version="1",side="inputs",feature="X[2]"} 0' in page(
        driven.feed(rows(3, 1000)), pages
    )


def test_hostile_names_are_escaped() -> None:
    lines = page(Driven().feed(rows(1, 1)), name='a"\n\\b')
    assert any(r'model="a\"\n\\b"' in line for line in lines)
    assert all("\n" not in line for line in lines if not line.startswith("#"))


def test_without_models_there_is_no_line() -> None:
    assert list(Pages().lines({}, {})) == []


def test_how_a_version_serves_has_series_too() -> None:
    lines = list(Pages().lines({}, {("m", 1): Service(500)}))
    assert 'headrace_drift_alarm{model="m",version="1",side="service",feature="latency"} 0' in lines
    assert 'headrace_drift_alarm{model="m",version="1",side="service",feature="error"} 0' in lines


def test_an_input_and_an_output_of_one_name_have_series_of_their_own() -> None:
    spec = TensorSpec("latency", "FP32", (-1, 4))
    driven = Driven(sign=signature([spec], [spec]))
    driven.send([sample([row], [row]) for row in (from_array("latency", made[None]) for made in rows(1, 3000))])
    versions = {("m", number): drift for number, drift in driven.model.versions.items()}
    lines = [line for line in Pages().lines(versions, {("m", 1): Service(500)}) if not line.startswith("#")]
    series = [line.rpartition(" ")[0] for line in lines]
    assert len(set(series)) == len(series)
    assert 'headrace_drift_alarm{model="m",version="1",side="outputs",feature="latency[0]"} 0' in lines
    assert 'headrace_drift_score{model="m",version="1",side="outputs",feature="latency[0]",test="missing"}' in series
