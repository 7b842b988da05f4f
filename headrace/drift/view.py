"""What is told of a model's drift: of each feature its tests, and how its rows lie now and lay then."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.drift.comparison import Score
from headrace.drift.features import SideName
from headrace.drift.feedback import Feedback, Minute
from headrace.drift.model_drift import ModelDrift
from headrace.drift.reference import Column
from headrace.drift.service import FEATURES, SERVICE, Service
from headrace.drift.side import Side
from headrace.drift.version_drift import SIDES, VersionDrift
from headrace.types import ModelVersion

BINS = 20
"""Of a histogram."""

CATEGORIES = 20
"""That are told one by one, those that were there most often."""


def tell(
    model: ModelDrift, feedback: Feedback, services: Mapping[int, Service], version: int | None = None
) -> dict[str, Any]:
    """All versions that are watched, or one, as JSON has it."""
    versions = [
        _version(model, number, drift, feedback, services.get(number))
        for number, drift in sorted(model.versions.items())
        if version in (None, number)
    ]
    told: dict[str, Any] = {"name": model.name, "versions": versions}
    if model.problem:
        told["problem"] = model.problem
    return told


def _version(
    model: ModelDrift, number: int, drift: VersionDrift, feedback: Feedback, service: Service | None
) -> dict[str, Any]:
    sides = {side: drift.sides[side] for side in SIDES}
    alarms = [name for side in sides.values() for name in side.features if name in side.alarms]
    alarms += [name for name in FEATURES if service is not None and name in service.alarms]
    return {
        "version": str(number),
        "state": "alarm" if alarms else "quiet" if any(side.references for side in sides.values()) else "collecting",
        "alarms": alarms,
        "rows": drift.rows,
        "windows": drift.sides["inputs"].windows or drift.sides["outputs"].windows,
        "window": drift.window,
        "previous": None if drift.previous is None else str(drift.previous),
        "references": {side: _reference(drift, side) for side in SIDES},
        "schema": list(drift.schema),
        "left_out": list(drift.plan.left_out),
        "features": [
            *(_feature(sides[side], name, side) for side in SIDES for name in sides[side].features),
            *(() if service is None else (_served(service, name) for name in FEATURES)),
        ],
        "feedback": [_minute(minute) for minute in feedback.minutes(ModelVersion(model.name, number))],
    }


def _reference(drift: VersionDrift, side: SideName) -> dict[str, Any]:
    held, collecting = drift.sides[side].references.get("reference"), drift.collecting[side]
    return {
        "from": None if held is None else held.source,
        "rows": None if held is None else held.rows,
        "collected": None if collecting is None else collecting.count,
        "wanted": None if collecting is None else collecting.wanted,
    }


def _feature(side: Side, name: str, of: str) -> dict[str, Any]:
    scores = [(against, score) for (against, feature, _), score in side.scores.items() if feature == name]
    told: dict[str, Any] = {
        "name": name,
        "side": of,
        "alarm": name in side.alarms,
        "scores": [_score(against, score) for against, score in scores],
    }
    if name in side.names:
        rows = side.current[:, side.names.index(name)]
        told["histograms"] = {
            against: histogram(column, rows)
            for against, reference in side.references.items()
            for column in reference.columns
            if column.name == name
        }
    return told


def _served(service: Service, name: str) -> dict[str, Any]:
    scores = [_score("reference", score) for score in service.scores if score.feature == name]
    return {"name": name, "side": SERVICE, "alarm": name in service.alarms, "scores": scores}


def _score(against: str, score: Score) -> dict[str, Any]:
    return {
        "test": score.test,
        "against": against,
        "statistic": float(score.statistic),
        "threshold": float(score.threshold),
        "ratio": float(score.ratio),
        "crossed": bool(score.crossed),
    }


def histogram(column: Column, rows: NDArray[np.float64]) -> dict[str, Any]:
    """How the reference's rows lie, and how the window's: shares between edges, or of categories."""
    finite = rows[np.isfinite(rows)]
    missing = {"reference": column.missing / max(column.rows, 1), "current": 1 - len(finite) / max(len(rows), 1)}
    if column.categories is not None:
        most = np.sort(np.argsort(-column.counts, kind="stable")[:CATEGORIES])
        names = column.categories[most]
        held, seen = max(column.counts.sum(), 1.0), max(len(finite), 1)
        return {
            "categories": names.tolist(),
            "reference": (column.counts[most] / held).tolist(),
            "current": [float((finite == name).sum() / seen) for name in names],
            "missing": missing,
        }
    if not len(column.values):
        return {"edges": [], "reference": [], "current": [], "missing": missing}
    low, high = float(column.values[0]), float(column.values[-1])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    inner = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])  # what lies outside is counted at the ends
    return {
        "edges": edges.tolist(),
        "reference": (np.histogram(column.values, inner)[0] / len(column.values)).tolist(),
        "current": (np.histogram(finite, inner)[0] / max(len(finite), 1)).tolist(),
        "missing": missing,
    }


def _minute(minute: Minute) -> dict[str, Any]:
    return {
        "time": minute.time,
        "rows": minute.rows,
        "accuracy": minute.right / minute.rows if minute.rows else None,
        "mean_error": minute.mean_error(),
    }
