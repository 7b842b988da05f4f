"""Frames are as wide as they took time, and whatever they are called is text."""

from collections import Counter

from headrace.profiling.flame_page import boxes, page
from headrace.profiling.stacks import Frame, Stacks

OUTER, LEFT, RIGHT = Frame("outer", "a.py", 1), Frame("left", "b.py", 2), Frame("right<script>", "c.py", 3)


def stacks() -> Stacks:
    made = Stacks()
    made.looks = 4
    made.seen["main"] = Counter({(OUTER, LEFT): 3, (OUTER, RIGHT): 1})
    made.seen["<b>"] = Counter({(OUTER,): 1})
    return made


def test_frames_lie_below_those_that_called_them_side_by_side() -> None:
    drawn = [(box.frame.name, box.depth, box.start, box.width) for box in boxes(stacks(), "main")]
    assert drawn == [("outer", 0, 0.0, 1.0), ("left", 1, 0.0, 0.75), ("right<script>", 1, 0.75, 0.25)]


def test_what_was_hardly_ever_seen_is_not_drawn() -> None:
    made = Stacks()
    made.seen["main"] = Counter({(OUTER, LEFT): 9_999, (OUTER, RIGHT): 1})
    assert [box.frame for box in boxes(made, "main")] == [OUTER, LEFT]


def test_the_page_has_no_script_and_names_are_text() -> None:
    text = page(stacks(), 2)
    assert "<script" not in text
    assert "<b>" not in text
    assert "right&lt;script&gt; (c.py:3) 25.0%" in text
    assert "4 looks in 2 s" in text
