"""What each version has done, in the words of Triton's statistics extension."""

from typing import Any

from headrace.observe.tally import Spent, Stages, Tally, VersionTally


class Statistics:
    """The tally as `model_stats`. `epoch_ns` is the Unix time at which the records' clock was zero."""

    def __init__(self, tally: Tally, epoch_ns: int) -> None:
        self._tally = tally
        self._epoch_ns = epoch_ns

    def report(self, name: str | None = None, version: int | None = None) -> list[dict[str, Any]]:
        """Entries of the loaded versions, by name and number: of all models, of one, or of one version."""
        loaded = [(key, tally) for key, tally in self._tally.versions.items() if key[1] is not None]
        return [
            self._entry(key[0], str(key[1]), tally)
            for key, tally in sorted(loaded, key=lambda item: (item[0][0], item[0][1] or 0))
            if name in (None, key[0]) and version in (None, key[1])
        ]

    def _entry(self, name: str, version: str, tally: VersionTally) -> dict[str, Any]:
        last_ns = tally.last_finished_ns
        return {
            "name": name,
            "version": version,
            "last_inference": 0 if last_ns is None else (self._epoch_ns + last_ns) // 1_000_000,
            "inference_count": tally.rows,
            "execution_count": tally.runs,
            "inference_stats": {
                "success": _duration(tally.success),
                "fail": _duration(tally.fail),
                "queue": _duration(tally.queue),
                **_stages(tally.stages),
                "cache_hit": _duration(tally.cache_hit),
                "cache_miss": _duration(tally.cache_miss),
            },
            "response_stats": {},
            "batch_stats": [
                {"batch_size": rows, **_stages(tally.stages_by_rows[rows])} for rows in sorted(tally.stages_by_rows)
            ],
            "memory_usage": [],
        }


def _stages(stages: Stages) -> dict[str, dict[str, int]]:
    return {
        "compute_input": _duration(stages.input),
        "compute_infer": _duration(stages.infer),
        "compute_output": _duration(stages.output),
    }


def _duration(spent: Spent) -> dict[str, int]:
    return {"count": spent.count, "ns": spent.ns}
