"""Files become what servers take, or are refused by the setting that named them."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from headrace.errors import SettingInvalid
from headrace.protocols.tls import Tls, read_tls
from tests import certificates


def test_without_files_there_is_no_tls() -> None:
    assert read_tls("", "", "") is None


def test_a_certificate_and_its_key_are_taken(tmp_path: Path) -> None:
    made = certificates.make(tmp_path).tls
    assert read_tls(str(made.certificate), str(made.key), "") == made
    context = made.context(["h2"])
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_NONE


def test_clients_have_to_show_a_certificate_where_their_signer_is_named(tmp_path: Path) -> None:
    made = certificates.make(tmp_path, ask_clients=True)
    tls = read_tls(str(made.tls.certificate), str(made.tls.key), str(made.ca))
    assert tls == made.tls
    assert tls.context(["h2"]).verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("certificate", "key", "client_ca", "said"),
    [
        ("certificate.pem", "", "", r"server\.tls_key: is empty"),
        ("", "key.pem", "", r"server\.tls_certificate: is empty"),
        ("", "", "ca.pem", r"server\.tls_client_ca: .* give server\.tls_certificate"),
        ("none.pem", "key.pem", "", r"server\.tls_certificate: .*none\.pem cannot be read: No such file"),
        ("certificate.pem", "none.pem", "", r"server\.tls_key: .*none\.pem cannot be read: No such file"),
        ("certificate.pem", "key.pem", "none.pem", r"server\.tls_client_ca: .*none\.pem cannot be read"),
        ("key.pem", "key.pem", "", r"server\.tls_certificate: .*key\.pem has no certificate in PEM"),
        ("certificate.pem", "certificate.pem", "", r"server\.tls_key: .*certificate\.pem has no private key"),
        ("certificate.pem", "key.pem", "key.pem", r"server\.tls_client_ca: .*key\.pem has no certificate"),
        ("broken.pem", "key.pem", "", r"server\.tls_certificate: .*broken\.pem has a certificate that cannot be"),
        ("certificate.pem", "broken_key.pem", "", r"server\.tls_key: .*broken_key\.pem and .* cannot be used"),
        ("certificate.pem", "client.pem", "", r"server\.tls_key: .*client\.pem is not the key of .*certificate\.pem"),
        (".", "key.pem", "", r"server\.tls_certificate: .* cannot be read: Is a directory"),
    ],
)
def test_files_that_are_no_good_are_refused_by_the_name_of_their_setting(
    tmp_path: Path, certificate: str, key: str, client_ca: str, said: str
) -> None:
    certificates.make(tmp_path)
    content = (tmp_path / "certificate.pem").read_text().splitlines()
    (tmp_path / "broken.pem").write_text("\n".join([content[0], *content[3:]]))
    (tmp_path / "broken_key.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    paths = [str(tmp_path / name) if name else "" for name in (certificate, key, client_ca)]
    with pytest.raises(SettingInvalid, match=said):
        read_tls(*paths)


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    made = certificates.make(tmp_path).tls
    key: Any = load_pem_private_key(made.key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    with pytest.raises(SettingInvalid, match=r"server\.tls_key: .*locked\.pem has a passphrase"):
        read_tls(str(made.certificate), str(locked), "")


def test_a_context_of_files_that_went_away_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Tls(tmp_path / "none", tmp_path / "none").context(["h2"])
