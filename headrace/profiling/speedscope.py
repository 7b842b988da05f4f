"""Stacks in the form that speedscope.app, and tools that know it, read."""

from typing import Any

from headrace.profiling.stacks import Frame, Stacks

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def speedscope(stacks: Stacks, interval_s: float, name: str) -> dict[str, Any]:
    """One profile for each thread, the busiest first."""
    places: dict[Frame, int] = {}
    profiles = []
    for thread, counts in sorted(stacks.seen.items(), key=lambda item: -len(item[1])):
        samples = [[places.setdefault(frame, len(places)) for frame in stack] for stack in counts]
        weights = [number * interval_s for number in counts.values()]
        profiles.append(
            {
                "type": "sampled",
                "name": thread,
                "unit": "seconds",
                "startValue": 0,
                "endValue": sum(weights),
                "samples": samples,
                "weights": weights,
            }
        )
    frames = [{"name": frame.name, "file": frame.file, "line": frame.line} for frame in places]
    return {
        "$schema": _SCHEMA,
        "name": name,
        "exporter": "headrace",
        "activeProfileIndex": 0,
        "shared": {"frames": frames},
        "profiles": profiles,
    }
