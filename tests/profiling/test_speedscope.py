"""A profile is one for each thread, as speedscope's schema has it."""

from collections import Counter

from headrace.profiling.speedscope import speedscope
from headrace.profiling.stacks import Frame, Stacks

OUTER, INNER = Frame("outer", "a.py", 1), Frame("inner", "b.py", 2)


def test_samples_name_frames_and_weigh_seconds() -> None:
    stacks = Stacks()
    stacks.seen["main"] = Counter({(OUTER,): 1, (OUTER, INNER): 3})
    told = speedscope(stacks, 0.01, "name")
    assert told["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert [frame["name"] for frame in told["shared"]["frames"]] == ["outer", "inner"]
    (profile,) = told["profiles"]
    assert (profile["name"], profile["samples"], profile["weights"]) == ("main", [[0], [0, 1]], [0.01, 0.03])
    assert profile["endValue"] == sum(profile["weights"])
