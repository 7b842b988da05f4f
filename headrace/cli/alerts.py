"""`headrace alerts`: what is wrong on a running server, silences of it, and the same rules as a file for Prometheus."""

import re
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from headrace.cli.asking import add_json_flag, add_server_flags, ask, show
from headrace.cli.console import console, table
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.settings import add_setting_flags, settings_of
from headrace.printable import printable

PATH = "/v2/headrace/alerts"
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parser() -> Parser:
    made = Parser(
        "headrace alerts",
        description="Tell what is wrong on a running server, silence some of it, or print the rules for Prometheus.",
    )
    made.add_argument(
        "action",
        metavar="ACTION",
        nargs="?",
        choices=[*_ACTIONS],
        default="list",
        help=f"{', '.join(_ACTIONS)}; else list",
    )
    made.add_argument("id", metavar="ID", nargs="?", help="with unsilence: the silence that is taken back")
    made.add_argument("--match", action="append", default=[], metavar="LABEL=VALUE", help="with silence: which alerts")
    made.add_argument("--for", dest="lasts", metavar="TIME", help="with silence: how long, as in 30m or 2h")
    made.add_argument("--reason", default="", help="with silence: why")
    add_json_flag(made)
    add_setting_flags(made)
    add_server_flags(made, timeout_s=30)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    _check(options)
    return _ACTIONS[options.action](options)


def _list(options: Namespace) -> int:
    told = ask(options, "GET", PATH)
    show(options, told, _show)
    return 0


def _rules(options: Namespace) -> int:
    """No server is asked: the rules are made of the settings."""
    from headrace.objectives.making import watched_by
    from headrace.objectives.rules import rule_file

    print(rule_file(watched_by(settings_of(options).config)), end="")
    return 0


def _silence(options: Namespace) -> int:
    sent = {"match": _labels(options.match), "for_s": seconds(options.lasts), "reason": options.reason}
    show(options, ask(options, "POST", PATH, sent), lambda made: print(f"silence {made['id']} until {made['until']}"))
    return 0


def _unsilence(options: Namespace) -> int:
    told = ask(options, "DELETE", f"{PATH}/silences/{quote(options.id, safe='')}")
    show(options, told, lambda _: print(f"silence {printable(options.id)} is taken back"))
    return 0


_ACTIONS: Mapping[str, Callable[[Namespace], int]] = {
    "list": _list,
    "rules": _rules,
    "silence": _silence,
    "unsilence": _unsilence,
}


def seconds(text: str) -> float:
    """How long `90`, `30m` or `2h` is. Raises Failure."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not found:
        raise Failure(f"--for {text!r} is not a time; write it like 30m or 2h", exit_code=2)
    return float(found[1]) * UNITS_S[found[2] or "s"]


def _labels(matches: Sequence[str]) -> dict[str, str]:
    """Raises Failure where one is no label, or a label would have to be two values at once, which none is."""
    found: dict[str, str] = {}
    for each in matches:
        name, equals, value = each.partition("=")
        if not (name and equals):
            raise Failure(f"--match {each!r} is no label; write it like model=ocr", exit_code=2)
        if name in found:
            raise Failure(f"--match {name} is given twice; make a silence for each value", exit_code=2)
        found[name] = value
    return found


def _check(options: Namespace) -> None:
    """Raises Failure for flags that the action does not take, or lacks."""
    silence = options.action == "silence"
    if silence and not (options.match and options.lasts):
        raise Failure("silence needs --match LABEL=VALUE and --for TIME, as in --match model=ocr --for 2h", exit_code=2)
    if not silence and (options.match or options.lasts or options.reason):
        raise Failure(f"--match, --for and --reason are for silence, and this is {options.action}", exit_code=2)
    if (options.action == "unsilence") != (options.id is not None):
        raise Failure("unsilence takes one ID, and the others none; `headrace alerts` lists them", exit_code=2)
    if options.action != "rules" and (options.config or options.assignments):
        raise Failure(f"--config and --set are for rules, and this is {options.action}", exit_code=2)
    if options.action == "rules" and options.json:
        raise Failure("rules prints a file for Prometheus, which is YAML; leave out --json", exit_code=2)


def _show(told: dict[str, Any]) -> None:
    out = console()
    if told["alerts"]:
        rows = table("state", "severity", "alert", "since", "what")
        for alert in told["alerts"]:
            state = f"{alert['state']}, silenced" if alert["silenced_by"] else alert["state"]
            rows.add_row(state, alert["severity"], alert["alert"], alert["since"], printable(alert["summary"]))
        out.print(rows)
    else:
        out.print("Nothing is wrong.")
    if told["silences"]:
        rows = table("silence", "alerts", "until", "reason")
        for each in told["silences"]:
            match = ", ".join(f"{name}={value}" for name, value in each["match"].items())
            rows.add_row(each["id"], printable(match), each["until"], printable(each["reason"]))
        out.print(rows)
    for receiver in told["receivers"]:
        fault = f"; the last did not arrive: {printable(receiver['fault'])}" if receiver["fault"] else ""
        out.print(f"{receiver['name']}: {receiver['sent']} notices sent, {receiver['dropped']} dropped{fault}")
