"""A profile is made as a page or as JSON."""

import json

from headrace.profiling.profiling import Profiling


async def test_a_profile_is_json_or_a_page() -> None:
    profiling = Profiling(0.001)
    told = json.loads(await profiling.make(0.01, False))
    assert "MainThread" in {profile["name"] for profile in told["profiles"]}
    assert told["name"] == "headrace, 0.01 s"
    assert (await profiling.make(0.01, True)).startswith(b"<!doctype html>")
