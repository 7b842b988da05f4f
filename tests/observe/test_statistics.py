"""The tally in the words of Triton's statistics extension."""

from headrace.observe.statistics import Statistics
from headrace.observe.tally import Tally
from headrace.records import Record
from tests.observe.make import answered, failed, hand_on, looked_up, moved, ran

NOTHING = {"count": 0, "ns": 0}


def statistics_of(*records: Record, epoch_ns: int = 0) -> Statistics:
    tally = Tally()
    hand_on(records, tally)
    return Statistics(tally, epoch_ns)


def test_a_loaded_version_without_traffic_has_zeros() -> None:
    stages = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss")
    assert statistics_of(moved()).report() == [
        {
            "name": "m",
            "version": "1",
            "last_inference": 0,
            "inference_count": 0,
            "execution_count": 0,
            "inference_stats": dict.fromkeys(stages, NOTHING),
            "response_stats": {},
            "batch_stats": [],
            "memory_usage": [],
        }
    ]


def test_requests_and_runs_are_told_as_triton_tells_them() -> None:
    statistics = statistics_of(
        moved(),
        answered(rows=3, took_ns=1_000, waited_ns=100),
        answered(rows=1, took_ns=3_000, waited_ns=200),
        failed("queue_full"),
        ran(rows=4),
    )
    (entry,) = statistics.report("m", 1)
    assert (entry["inference_count"], entry["execution_count"]) == (4, 1)
    assert entry["inference_stats"] == {
        "success": {"count": 2, "ns": 4_000},
        "fail": {"count": 1, "ns": 500},
        "queue": {"count": 2, "ns": 300},
        "compute_input": {"count": 2, "ns": 20},
        "compute_infer": {"count": 2, "ns": 40},
        "compute_output": {"count": 2, "ns": 60},
        "cache_hit": NOTHING,
        "cache_miss": NOTHING,
    }
    assert entry["batch_stats"] == [
        {
            "batch_size": 4,
            "compute_input": {"count": 1, "ns": 10},
            "compute_infer": {"count": 1, "ns": 20},
            "compute_output": {"count": 1, "ns": 30},
        }
    ]


def test_batch_sizes_are_ascending() -> None:
    (entry,) = statistics_of(moved(), ran(rows=8), ran(rows=1), ran(rows=4)).report()
    assert [batch["batch_size"] for batch in entry["batch_stats"]] == [1, 4, 8]


def test_the_last_inference_is_in_unix_milliseconds() -> None:
    statistics = statistics_of(moved(), answered(finished_ns=5_000_000), epoch_ns=1_700_000_000_000_000_000)
    assert statistics.report()[0]["last_inference"] == 1_700_000_000_005


def test_versions_are_told_by_name_and_number() -> None:
    statistics = statistics_of(moved(version=10), moved(version=9), moved(model="a"))
    assert _names(statistics, None, None) == [("a", "1"), ("m", "9"), ("m", "10")]


def test_one_model_or_one_version_may_be_asked_for() -> None:
    statistics = statistics_of(moved(version=1), moved(version=2), moved(model="a"))
    assert _names(statistics, "m", None) == [("m", "1"), ("m", "2")]
    assert _names(statistics, "m", 2) == [("m", "2")]
    assert _names(statistics, "other", None) == []


def test_an_unloaded_version_is_not_told() -> None:
    assert statistics_of(moved(), answered(), moved("UNLOADING"), moved("UNAVAILABLE")).report() == []


def _names(statistics: Statistics, name: str | None, version: int | None) -> list[tuple[str, str]]:
    return [(entry["name"], entry["version"]) for entry in statistics.report(name, version)]


def test_what_was_found_in_the_cache_counts_as_a_success_and_not_as_an_inference() -> None:
    records = moved(), looked_up(hit=False, spent_ns=5_000, rows=2), looked_up(hit=True, rows=2), looked_up(hit=True)
    (entry,) = statistics_of(*records).report()
    told = entry["inference_stats"]
    assert told["cache_hit"] == {"count": 2, "ns": 6_000}
    assert told["cache_miss"] == {"count": 1, "ns": 5_000}
    assert (told["success"]["count"], told["compute_infer"]["count"], entry["inference_count"]) == (3, 1, 2)
