"""Certificates for 127.0.0.1, and for a client, made for one test and signed by an authority of its own."""

from pathlib import Path
from typing import NamedTuple

import trustme

from headrace.protocols.tls import Tls


class Certificates(NamedTuple):
    """Files in PEM."""

    tls: Tls  # what a server shows
    ca: Path  # who signed all of them
    client: Path  # a client's certificate and its key


def make(folder: Path, *, ask_clients: bool = False) -> Certificates:
    """`ask_clients`: the server lets in only those whom the authority signed for."""
    authority = trustme.CA()
    server, client = authority.issue_cert("127.0.0.1", "localhost"), authority.issue_cert("somebody@example.org")
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    tls = Tls(folder / "certificate.pem", folder / "key.pem", ca if ask_clients else None)
    tls.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    tls.key.write_bytes(server.private_key_pem.bytes())
    client.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    return Certificates(tls, ca, folder / "client.pem")
