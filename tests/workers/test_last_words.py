"""What a child writes to its standard error."""

import asyncio
import os
from pathlib import Path

import pytest

from headrace.workers.last_words import KEPT_LINES, LastWords, placeless


class Bench:
    def __init__(self) -> None:
        self.passed_on = b""
        self.words = LastWords(self.hear)
        self.child = os.dup(self.words.writing)
        self.words.given()

    def hear(self, written: bytes) -> None:
        self.passed_on += written


async def test_all_of_it_is_passed_on_and_the_last_lines_are_kept() -> None:
    bench = Bench()
    written = b"".join(b"line %d\n" % number for number in range(1000))
    os.write(bench.child, written)
    os.close(bench.child)
    await asyncio.sleep(0)
    bench.words.close()
    assert bench.passed_on == written
    assert bench.words.text.splitlines() == [f"line {number}" for number in range(1000 - KEPT_LINES, 1000)]


async def test_a_line_that_did_not_end_is_kept_too() -> None:
    bench = Bench()
    os.write(bench.child, b"one\ntw")
    await asyncio.sleep(0)
    os.write(bench.child, b"o")
    bench.words.close()
    os.close(bench.child)
    assert bench.words.text == "one\ntwo"


async def test_it_closes_its_end_once_whoever_holds_the_other() -> None:
    bench = Bench()
    os.close(bench.child)
    bench.words.close()
    reused = os.open("/dev/null", os.O_RDONLY)
    bench.words.close()
    os.close(reused)  # it is still ours


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('  File "/usr/lib/python3/threading.py", line 5 in run', '  File "threading.py", line 5 in run'),
        ("cannot map /srv/models/m/1/model.onnx: no memory", "cannot map model.onnx: no memory"),
        ("/opt/ort/lib/a.so(+0x12) [0x7f]", "a.so(+0x12) [0x7f]"),
        ("read/write at 3/4, see https://example.org/a/b", "read/write at 3/4, see https://example.org/a/b"),
    ],
)
def test_where_files_lie_is_left_out(text: str, told: str) -> None:
    assert placeless(text) == told


def test_a_folder_with_a_space_in_its_name_is_left_out_where_it_is_known() -> None:
    assert placeless("no /my models/m/1/a.onnx", Path("/my models/m/1/a.onnx")) == "no a.onnx"
