"""A process that watches its channel ends when nobody is at the other end."""

import subprocess
import sys
from pathlib import Path

from headrace.workers import engine_wire

PROGRAM = """
import os, socket, sys, threading
from headrace.workers import orphaned
orphaned.ORPHANED_S = 0.0
orphaned.end_with_server(socket.socket(fileno=int(sys.argv[1])), os.getppid())
threading.Event().wait()
"""


def test_it_ends_whatever_it_waits_for(tmp_path: Path) -> None:
    ours, theirs = engine_wire.channel()
    with ours, theirs:
        number = theirs.fileno()
        with subprocess.Popen([sys.executable, "-c", PROGRAM, str(number)], pass_fds=[number]) as child:
            theirs.close()
            ours.close()
            assert child.wait(30) == 1
