"""Whom a client trusts over TLS, and what it shows of itself: the flags, and what connections take."""

import ssl
from argparse import Namespace, _ActionsContainer
from pathlib import Path
from typing import NamedTuple

from headrace.cli.failure import Failure


class Trust(NamedTuple):
    """Files in PEM; without them a client trusts whom its system trusts, and shows nothing."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def check(self, url: str, secure: bool) -> None:
        """Raises Failure where files are given and the address does not ask for TLS."""
        flags = zip(("--ca", "--cert", "--key"), self, strict=True)
        given = next((flag for flag, path in flags if path), None)
        if given and not secure:
            raise Failure(f"{given} goes with an address of https:// or grpcs://, and {url} is none", exit_code=2)

    def context(self) -> ssl.SSLContext:
        """For connections to a server. Raises Failure that names the flag whose file is no good."""
        if self.key and not self.certificate:
            raise Failure("--key goes with --cert", exit_code=2)
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise Failure(f"--ca {self.ca} has no certificates in PEM: {_said(error)}", exit_code=2) from error
        if self.certificate:
            try:
                context.load_cert_chain(self.certificate, self.key)
            except OSError as error:
                files = f"--cert {self.certificate}" + (f" --key {self.key}" if self.key else "")
                raise Failure(f"{files}: no certificate and its key in PEM: {_said(error)}", exit_code=2) from error
        return context


def add_trust_flags(parser: _ActionsContainer) -> None:
    """`--ca`, `--cert` and `--key`, of a parser or a group of its flags."""
    parser.add_argument("--ca", type=Path, metavar="FILE", help="https: trust who signed with this, and nobody else")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="https: the certificate that is shown to the server")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the key of --cert, where it is not in the same file")


def trust_of(options: Namespace) -> Trust:
    """What those flags say."""
    return Trust(options.ca, options.cert, options.key)


def _said(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else error.strerror or str(error)
