"""The certificate and key that a server shows, as each kind of server takes them."""

import ssl
from pathlib import Path
from typing import NamedTuple


class Tls(NamedTuple):
    """Files in PEM."""

    certificate: Path  # and those above it
    key: Path

    def context(self) -> ssl.SSLContext:
        """For HTTP/2 of our own. Raises OSError, of which ssl.SSLError is one, where the files are no good."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols(["h2"])
        return context
