"""Files of certificates become what connections take; what is wrong with them names the flag."""

import ssl
from argparse import ArgumentParser
from pathlib import Path

import pytest

from headrace.cli.failure import Failure
from headrace.cli.trust import Trust, add_trust_flags, trust_of
from tests import certificates


def test_without_flags_the_system_is_trusted() -> None:
    parser = ArgumentParser()
    add_trust_flags(parser)
    trust = trust_of(parser.parse_args([]))
    assert trust == Trust()
    assert trust.context().verify_mode == ssl.CERT_REQUIRED


def test_an_authority_is_trusted_and_no_other(tmp_path: Path) -> None:
    made = certificates.make(tmp_path)
    parser = ArgumentParser()
    add_trust_flags(parser)
    trust = trust_of(parser.parse_args(["--ca", str(made.ca), "--cert", str(made.client)]))
    assert len(trust.context().get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("none.pem", None, None), "--ca .*none.pem has no certificates in PEM: No such file"),
        (("key.pem", None, None), "--ca .*key.pem has no certificates in PEM"),
        ((None, "certificate.pem", None), "--cert .*certificate.pem: no certificate and its key"),
        ((None, "certificate.pem", "client.pem"), "--cert .* --key .*client.pem: .*mismatch"),
        ((None, None, "key.pem"), "--key goes with --cert"),
    ],
)
def test_a_file_that_is_no_good_names_its_flag(tmp_path: Path, names: tuple[str | None, ...], said: str) -> None:
    certificates.make(tmp_path)
    with pytest.raises(Failure, match=said) as refused:
        Trust(*(tmp_path / name if name else None for name in names)).context()
    assert refused.value.exit_code == 2


def test_files_without_tls_are_refused() -> None:
    with pytest.raises(Failure, match=r"--ca goes with an address of https:// or grpcs://, and http://h is none"):
        Trust(Path("x")).check("http://h", secure=False)
    Trust(Path("x")).check("https://h", secure=True)
