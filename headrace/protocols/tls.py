"""The certificate and key that a server shows, and whose clients it lets in: as each kind of server takes them."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from headrace.errors import SettingInvalid

HANDSHAKE_S = 10.0
"""A client has so long to agree on how to talk."""

_CERTIFICATE, _KEY, _CLIENT_CA = "server.tls_certificate", "server.tls_key", "server.tls_client_ca"
_BEGIN_CERTIFICATE, _BEGIN_KEY = b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY-----"


class Tls(NamedTuple):
    """Files in PEM."""

    certificate: Path  # and those above it
    key: Path
    client_ca: Path | None = None  # who signs for clients; without it every client is let in

    def context(self, protocols: Sequence[str]) -> ssl.SSLContext:
        """For servers on the event loop, which speak these protocols. Raises OSError where the files are no good."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key, _no_passphrase)
        context.set_alpn_protocols(list(protocols))
        if self.client_ca is not None:
            context.load_verify_locations(self.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def read_tls(certificate: str, key: str, client_ca: str) -> Tls | None:
    """What those settings say; None where they are empty.

    Raises SettingInvalid, which names the one at fault, unless servers can be made with the files.
    """
    if not certificate and not key:
        if client_ca:
            raise SettingInvalid("clients show certificates over TLS alone: give server.tls_certificate", _CLIENT_CA)
        return None
    if not key:
        raise SettingInvalid("is empty; a certificate needs its private key, in a PEM file", _KEY)
    if not certificate:
        raise SettingInvalid("is empty; a private key needs its certificate, in a PEM file", _CERTIFICATE)
    tls = Tls(Path(certificate), Path(key), Path(client_ca) if client_ca else None)
    _check_certificates(tls.certificate, _CERTIFICATE)
    if _BEGIN_KEY not in _content(tls.key, _KEY):
        raise SettingInvalid(f"{tls.key} has no private key in PEM (-----BEGIN PRIVATE KEY-----)", _KEY)
    if tls.client_ca is not None:
        _check_certificates(tls.client_ca, _CLIENT_CA)
    try:
        tls.context(())
    except (OSError, ValueError) as error:
        raise SettingInvalid(_key_fault(tls, error), _KEY) from error
    return tls


def _check_certificates(path: Path, setting: str) -> None:
    """Raises SettingInvalid unless certificates are what is in the file."""
    content = _content(path, setting)
    if _BEGIN_CERTIFICATE not in content:
        raise SettingInvalid(f"{path} has no certificate in PEM ({_BEGIN_CERTIFICATE.decode()})", setting)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:
        raise SettingInvalid(f"{path} has a certificate that cannot be read: {_said(error)}", setting) from error


def _content(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingInvalid(f"{path} cannot be read: {error.strerror}", setting) from error


def _key_fault(tls: Tls, error: OSError | ValueError) -> str:
    """Why the two do not go together, the certificate being one."""
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"{tls.key} is not the key of the certificate in {tls.certificate}"
    if isinstance(error, _Passphrase):
        return f"{tls.key} has a passphrase, which nobody could type; `openssl pkey` takes it off"
    return f"{tls.key} and {tls.certificate} cannot be used: {_said(error)}"


def _said(error: OSError | ValueError) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)


class _Passphrase(ValueError):
    pass


def _no_passphrase() -> str:
    """Asked for by a key that has one: else the library would ask at the terminal, and wait."""
    raise _Passphrase
