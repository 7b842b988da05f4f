"""One question to a running server, answered with JSON, and the flags that say where the server is."""

import json
from argparse import Namespace
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from headrace.cli.connection import URL, Server
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.trust import add_trust_flags, trust_of


def add_server_flags(parser: Parser, timeout_s: float) -> None:
    """`--url`, `--timeout`, and whom to trust."""
    parser.add_argument("--url", default=URL, help=f"where the server is; else {URL}")
    parser.add_argument(
        "--timeout", type=float, default=timeout_s, metavar="SECONDS", help=f"how long to wait; else {timeout_s:g}"
    )
    add_trust_flags(parser)


def add_json_flag(parser: Parser) -> None:
    """`--json`, which `show` heeds."""
    parser.add_argument("--json", action="store_true", help="the server's own words, as one JSON object")


def show(options: Namespace, told: Any, in_lines: Callable[[Any], None]) -> None:
    """What the server told: with `--json` as it is, `{}` where it said nothing, else by `in_lines`."""
    if options.json:
        print(json.dumps({} if told is None else told, indent=2))
    else:
        in_lines(told)


def ask(options: Namespace, method: str, path: str, sent: object = None) -> Any:
    """The answer's JSON, or None where it is empty. Raises Failure with what the server says is wrong."""
    body = None if sent is None else json.dumps(sent).encode()
    content, _ = Server(options.url, options.timeout, trust_of(options)).fetch(method, path, body)
    try:
        return json.loads(content) if content else None
    except ValueError as error:
        raise Failure(f"the server's answer is not JSON: {error}") from error


def model_path(model: str) -> str:
    """Under it lies what headrace has of its own for a model."""
    return f"/v2/headrace/models/{quote(model, safe='')}"
