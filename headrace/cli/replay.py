"""`headrace replay`: ask captured requests again, of another version or server, and compare answers and times."""

import json
import math
import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
from rich.progress import Progress

from headrace.arrays import from_array
from headrace.cli.asking import add_server_flags
from headrace.cli.captured import Captured, Text, captured, nothing_of
from headrace.cli.client import Client
from headrace.cli.connection import Server
from headrace.cli.console import console, table
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.text_replay import Answer, answers_of, body_of, is_drawn
from headrace.cli.text_replay import difference as difference_of_texts
from headrace.cli.trust import trust_of
from headrace.numerals import numeral
from headrace.printable import printable
from headrace.traffic.difference import difference
from headrace.types import Tensor

MOST_AT_ONCE = 64
"""Requests of one run that are asked side by side."""

SHOWN = 10
"""Requests that are named, of those that are answered otherwise."""


class Replayed(msgspec.Struct, frozen=True):
    """What became of one request."""

    request: str
    outcome: str  # same, differs, failed
    absolute: float | None  # the largest difference of two numbers; None where there is none to tell
    ms: float | None  # the whole exchange, as this client saw it
    why: str = ""


def parser() -> Parser:
    made = Parser("headrace replay", description="Ask captured requests again; compare answers and times.")
    made.add_argument("model", metavar="MODEL", help="the model whose captured requests are asked")
    made.add_argument("--from-version", type=int, metavar="N", help="only those that this version answered")
    made.add_argument("--version", metavar="N|LABEL", help="the version that is asked; else the server's choice")
    made.add_argument("--as", dest="other", metavar="MODEL", help="ask a model of another name")
    made.add_argument("--to", metavar="URL", help="the server that is asked; else the one that captured them")
    made.add_argument("--limit", type=int, default=1000, metavar="N", help="at most so many requests; else 1000")
    made.add_argument(
        "--tolerance", type=float, default=1e-3, metavar="T", help="numbers this far apart are the same; else 0.001"
    )
    made.add_argument(
        "--allow", type=float, default=0.0, metavar="SHARE", help="this share may differ or fail; else 0, none"
    )
    made.add_argument("--json", action="store_true", help="the comparison as one JSON object")
    add_server_flags(made, timeout_s=60)
    return made


def run(arguments: Sequence[str]) -> int:
    """Exit code 1 where more than the share that is allowed is answered otherwise."""
    options = parser().parse_args(arguments)
    _check(options)
    found = list(captured(options, options.model, options.from_version, options.limit))
    if not found:
        raise Failure(nothing_of(printable(options.model)))
    told = compared(found, list(_replay(options, found)))
    if options.json:
        print(json.dumps(told, indent=2))
    else:
        _show(told)
    return int(told["requests"] - told["same"] > options.allow * told["requests"])


def _check(options: Namespace) -> None:
    """Raises Failure for numbers by which nothing would be held to anything."""
    if options.limit < 1:
        raise Failure(f"--limit {options.limit} is no number of requests; give 1 or more", exit_code=2)
    if not 0 <= options.tolerance < math.inf:
        raise Failure(f"--tolerance {options.tolerance:g} is no difference; give 0 or more", exit_code=2)
    if not 0 <= options.allow <= 1:
        raise Failure(f"--allow {options.allow:g} is no share; give 0 to 1, as in 0.01", exit_code=2)


def _replay(options: Namespace, found: Sequence[Captured]) -> Iterable[Replayed]:
    """Run by run: those that shared one are asked together again."""
    client = Client(options.to or options.url, options.timeout, trust_of(options))
    screen = console(sys.stderr)
    with (
        Progress(console=screen, transient=True, disable=not screen.is_terminal) as progress,
        ThreadPoolExecutor(MOST_AT_ONCE) as threads,
    ):
        task = progress.add_task("Asking again", total=len(found))
        for _, together in groupby(found, key=lambda each: each.run):
            for done in threads.map(lambda each: _ask(client, options, each), together):
                progress.advance(task)
                yield done


def _ask(client: Client, options: Namespace, each: Captured) -> Replayed:
    if each.text is not None:
        return _ask_text(options, each, each.text)
    began = time.perf_counter()
    try:
        outputs = client.infer(options.other or options.model, options.version, each.inputs, []).outputs
    except Failure as failure:
        return Replayed(each.request, "failed", None, None, str(failure))
    ms = (time.perf_counter() - began) * 1000
    answered = [_tensor(output.name, output.array, output.datatype) for output in outputs]
    wanted = {tensor.name for tensor in each.outputs}  # a request may have asked for some only, or some were not kept
    apart = difference(each.outputs, [tensor for tensor in answered if tensor.name in wanted], options.tolerance)
    absolute = apart.absolute if math.isfinite(apart.absolute) else None
    return Replayed(each.request, "differs" if apart.beyond else "same", absolute, ms)


def _ask_text(options: Namespace, each: Captured, text: Text) -> Replayed:
    model = options.other or options.model
    named = f"{model}{':' if options.version.isdigit() else '@'}{options.version}" if options.version else model
    began = time.perf_counter()
    try:
        path, body = body_of(text, named)
        server = Server(options.to or options.url, options.timeout, trust_of(options))
        content, _ = server.fetch("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})
        after = answers_of(path, json.loads(content))
    except (Failure, ValueError) as failure:
        return Replayed(each.request, "failed", None, None, str(failure))
    ms = (time.perf_counter() - began) * 1000
    before = [Answer(choice.text, choice.token_ids) for choice in text.choices]
    why = difference_of_texts(before, after, is_drawn(text)) if before else ""  # none: its answer is not kept
    return Replayed(each.request, "differs" if why else "same", None, ms, why)


def _tensor(name: str, array: np.ndarray[Any, np.dtype[Any]], datatype: str) -> Tensor:
    return from_array(name, array, datatype)


def compared(before: Sequence[Captured], after: Sequence[Replayed]) -> dict[str, Any]:
    """Counts by outcome, how far answers are apart, and times then and now."""
    outcomes = [each.outcome for each in after]
    known = [each.absolute for each in after if each.absolute is not None]
    return {
        "requests": len(after),
        **{outcome: outcomes.count(outcome) for outcome in ("same", "differs", "failed")},
        "largest_difference": max(known, default=None),
        "captured_run_ms": _quantiles([each.ms for each in before]),
        "exchange_ms": _quantiles([each.ms for each in after if each.ms is not None]),
        "otherwise": [
            {"request": each.request, "outcome": each.outcome, "difference": each.absolute, "why": each.why}
            for each in after
            if each.outcome != "same"
        ],
    }


def _quantiles(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {name: round(float(np.quantile(values, share)), 3) for name, share in (("p50", 0.5), ("p99", 0.99))}


def _show(told: dict[str, Any]) -> None:
    out = console()
    requests = "1 request" if told["requests"] == 1 else f"{told['requests']} requests"
    out.print(
        f"{requests}: {told['same']} answered the same, {told['differs']} otherwise, {told['failed']} not at all."
    )
    if told["largest_difference"] is not None:
        out.print(f"The largest difference of two numbers is {numeral(told['largest_difference'])}.")
    for what, name in (("the captured runs", "captured_run_ms"), ("the whole exchange now", "exchange_ms")):
        if times := told[name]:
            out.print(f"Time of {what}: p50 {times['p50']:g} ms, p99 {times['p99']:g} ms.")
    if told["otherwise"]:
        rows = table("request", "outcome", "difference", "why")
        for each in told["otherwise"][:SHOWN]:
            apart = "" if each["difference"] is None else numeral(each["difference"])
            rows.add_row(printable(each["request"]), each["outcome"], apart, printable(each["why"]))
        out.print(rows)
        if (more := len(told["otherwise"]) - SHOWN) > 0:
            out.print(f"... and {more} more; --json names all.")
