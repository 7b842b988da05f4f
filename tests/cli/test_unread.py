"""Standard output whose reader has stopped."""

import errno
import os
import subprocess
import sys

import pytest

from headrace.cli.unread import is_full

CODE = "import sys; from headrace.cli.unread import write_nowhere; write_nowhere(); print('x' * 100_000); sys.exit(7)"


def test_what_nobody_reads_goes_nowhere_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        ended = subprocess.run([sys.executable, "-c", CODE], stdout=out, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (7, b"")


@pytest.mark.parametrize(("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)])
def test_a_full_disk_is_told_from_other_faults(number: int, full: bool) -> None:
    assert is_full(OSError(number, "")) == full
