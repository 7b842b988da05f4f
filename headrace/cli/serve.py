"""`headrace serve`: serve a folder of models, or one model file, until SIGTERM or SIGINT."""

import errno
import gc
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import NoReturn

from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.repository import kept, place
from headrace.cli.settings import add_setting_flags, settings_of
from headrace.cli.unread import is_full, write_nowhere
from headrace.memory.budget import budget_bytes
from headrace.open_files import ask_for_most
from headrace.remote.address import Address
from headrace.repository.likely import likely_runtimes
from headrace.settings import Config, Server
from headrace.workers.ahead import Ahead, ready_bytes
from headrace.workers.imports import IMPORTS

NAMED = {
    "--host": "server.host",
    "--http-port": "server.http_port",
    "--grpc-port": "server.grpc_port",
    "--log-format": "log.format",
    "--insecure": "server.insecure",
}
"""Flags that are short for a setting."""


def parser() -> Parser:
    made = Parser("headrace serve", description="Serve models over HTTP and gRPC.")
    made.add_argument(
        "repository",
        metavar="REPO|FILE|ADDRESS",
        help="a folder of models, one model file, or s3://, gs://, az://, https://, oci://, hf://",
    )
    made.add_argument("--host", metavar="ADDRESS", help="address to listen on; else 127.0.0.1")
    made.add_argument("--http-port", metavar="PORT", help="port of the HTTP front; 0 takes any free one")
    made.add_argument("--grpc-port", metavar="PORT", help="port of the gRPC front; 0 takes any free one")
    made.add_argument("--log-format", metavar="text|json", help="lines for people, or one JSON object a line")
    made.add_argument(
        "--insecure", action="store_const", const="true", help="allow an address that others can reach, unprotected"
    )
    add_setting_flags(made)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    config = settings_of(options, NAMED).config
    where = place(options.repository)
    refuse_open_address(config.server)
    refuse_taken_ports(config.server)
    ask_for_most()
    signal.signal(signal.SIGTERM, _stop)  # until the server's own way with it is there
    with closing(start_zygotes(where, config)) as ahead, kept(where, config) as repository:
        gc.disable()  # what is imported stays: there is nothing to find until the server runs
        from headrace.app import Ready
        from headrace.app import run as run_server
        from headrace.cli.announce import announce
        from headrace.cli.console import console
        from headrace.repository.foreign import advice_for

        def announced(ready: Ready) -> None:
            try:
                announce(ready, console(), "" if ready.index else advice_for(repository.path))
                sys.stdout.flush()
            except OSError as error:
                if not (isinstance(error, BrokenPipeError) or is_full(error)):
                    raise
                write_nowhere()  # a server goes on, whoever has read that it began

        return run_server(config, repository.path, announced, repository.follow, ahead)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """There is nothing to drain yet, and what was started ends with this process.

    An exception would be lost where it meets a callback of the importer's, which ignores it, and the server would not
    stop any more.
    """
    os._exit(0)


def start_zygotes(where: Path | Address, config: Config) -> Ahead:
    """What the models' processes are likely to be forked from imports what it needs while the server does."""
    wanted = config.models.control != "explicit" or config.models.load
    if not wanted or config.workers.isolation == "none" or not isinstance(where, Path):
        return Ahead()
    kinds = [IMPORTS[runtime] for runtime in likely_runtimes(where) if runtime in IMPORTS]
    return Ahead(kinds, config.workers.warm, ready_bytes(budget_bytes(config.memory.budget)))


def refuse_open_address(server: Server) -> None:
    """Raises Failure where others could reach the server and nobody said that they may."""
    if not server.insecure and not _is_loopback(server.host):
        raise Failure(
            f"{server.host} can be reached from other machines and nothing controls who may ask; "
            "serve on 127.0.0.1, or allow it with --insecure",
            exit_code=2,
        )


def refuse_taken_ports(server: Server) -> None:
    """Raises Failure, before any model is loaded, where the address is not to be had."""
    refuse_taken_port(server.host, server.http_port, "--http-port")
    if server.grpc:
        refuse_taken_port(server.host, server.grpc_port, "--grpc-port")
        if server.grpc_port == server.http_port != 0:
            raise Failure(f"HTTP and gRPC both ask for port {server.http_port}; give --grpc-port another", exit_code=2)


def refuse_taken_port(host: str, port: int, flag: str) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise Failure(_why_not(error, host, port, flag), exit_code=2) from error


def _why_not(error: OSError, host: str, port: int, flag: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; stop what listens there, or choose another with {flag} (0: any free)"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has; choose one above 1023 with {flag}"
    return f"cannot listen on {host} port {port}: {error.strerror}; choose an address of this machine with --host"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
