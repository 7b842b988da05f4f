"""Standard output whose reader has stopped."""

import os
import subprocess
import sys

CODE = "import sys; from headrace.cli.unread import write_nowhere; write_nowhere(); print('x' * 100_000); sys.exit(7)"


def test_what_nobody_reads_goes_nowhere_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        ended = subprocess.run([sys.executable, "-c", CODE], stdout=out, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (7, b"")
