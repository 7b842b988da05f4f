"""Every version as a row, of what the server knows."""

from headrace.dashboard.overview import overview
from headrace.history.point import Point
from headrace.types import Backlog, ModelVersion, VersionStatus

VERSION = ModelVersion("m", 1)


def test_a_row_tells_what_a_version_did_in_the_last_seconds() -> None:
    point = Point(requests=10, errors=5, took=((0, 10),), runs=2, rows=7, shed=1, tokens=20)
    (row,) = overview(
        [VersionStatus("m", 1, "READY")],
        {VERSION: point},
        5,
        {VERSION: Backlog(3, 2)},
        {VERSION: 99},
        {VERSION: 0.25},
        {VERSION: ("stable",)},
    )
    assert (row.name, row.version, row.state, row.labels) == ("m", "1", "READY", ("stable",))
    assert (row.rate, row.errors_per_s, row.shed_per_s, row.tokens_per_s) == (2.0, 1.0, 0.2, 4.0)
    assert (row.rows, row.queued, row.running, row.memory_bytes, row.share) == (3.5, 3, 2, 99, 0.25)
    assert row.p50_ms == 0.05


def test_a_version_of_which_nothing_is_asked_has_no_times() -> None:
    (row,) = overview([VersionStatus("m", None, "UNAVAILABLE", "no file")], {}, 5, {}, {}, {}, {})
    assert (row.version, row.reason, row.p99_ms, row.rows, row.memory_bytes, row.share) == (
        "",
        "no file",
        None,
        None,
        None,
        None,
    )
