"""A certificate for 127.0.0.1, made for one test."""

import shutil
import subprocess
from pathlib import Path

import pytest

from headrace.protocols.grpc.tls import Tls


def make(folder: Path) -> Tls:
    """Signed by itself; the test is skipped where there is no openssl."""
    tool = shutil.which("openssl")
    if tool is None:
        pytest.skip("openssl is not here to make a certificate")
    made = Tls(folder / "certificate.pem", folder / "key.pem")
    command = [
        tool,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return made
