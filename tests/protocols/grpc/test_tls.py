"""A certificate and its key become what servers take."""

from pathlib import Path

import pytest

from headrace.protocols.grpc.tls import Tls
from tests.protocols.grpc import certificates


def test_a_certificate_is_read(tmp_path: Path) -> None:
    assert certificates.make(tmp_path).context().get_ca_certs() == []


def test_files_that_are_no_good_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(OSError):
        Tls(tmp_path / "a", tmp_path / "a").context()
    with pytest.raises(OSError):
        Tls(tmp_path / "none", tmp_path / "none").context()
