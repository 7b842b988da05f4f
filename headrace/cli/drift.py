"""`headrace drift`: whether what a model of a running server is asked and answers is still what it was."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from headrace.cli.asking import add_json_flag, add_server_flags, ask, show
from headrace.cli.console import console, table
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.printable import printable

MOST = 20
"""Features of a version that are shown, those farthest off first."""

BLOCKS = "▁▂▃▄▅▆▇█"


def parser() -> Parser:
    made = Parser(
        "headrace drift", description="Whether what a model is asked, and what it answers, is still what it was."
    )
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("--version", metavar="N", help="of this version alone")
    made.add_argument("--all", action="store_true", help=f"every feature, not the {MOST} that are farthest off")
    add_json_flag(made)
    made.add_argument(
        "--reset", action="store_true", help="take what comes from now on for what is usual; changes the server"
    )
    add_server_flags(made, timeout_s=30)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    path = f"/v2/headrace/drift/{quote(options.model, safe='')}"
    if options.version is not None:
        path += f"/versions/{quote(options.version, safe='')}"
    if options.reset:
        if options.json or options.all:
            raise Failure("--reset shows nothing; leave out --json and --all", exit_code=2)
        ask(options, "DELETE", path)
        print(f"What comes from now on is what is usual of {printable(options.model)}.")
        return 0
    told = ask(options, "GET", path)
    show(options, told, lambda of: _show(of, None if options.all else MOST))
    return 0


def _show(told: dict[str, Any], most: int | None) -> None:
    out = console()
    if problem := told.get("problem"):
        out.print(printable(problem), markup=False)
    if not told["versions"]:
        out.print("No request of it was looked at yet.")
    for version in told["versions"]:
        out.print(_caption(version), markup=False)
        features = sorted(version["features"], key=lambda each: (not each["alarm"], -_worst(each)))
        rows = table("feature", "", "worst test", "of its threshold", "usual", "now")
        for feature in features[:most]:
            rows.add_row(*_row(feature))
        if features:
            out.print(rows)
        if len(features) > len(features[:most]):
            out.print(f"{len(features) - len(features[:most])} more are nearer to what they were; --all shows them.")
        if version["left_out"]:
            out.print(printable(f"Not watched: {', '.join(version['left_out'])}."), markup=False)


def _caption(version: dict[str, Any]) -> str:
    said = [f"version {version['version']}: {version['state']}, {version['rows']} rows, {version['windows']} windows"]
    for side, held in version["references"].items():
        if held["wanted"]:
            said.append(f"{held['collected']} of {held['wanted']} rows of {side} seen for what is usual")
    if version["previous"]:
        said.append(f"compared with version {version['previous']} too")
    if version["schema"]:
        said.append(f"its features differ from those before: {' '.join(version['schema'][:8])}")
    rows = sum(minute["rows"] for minute in version["feedback"])
    if rows:
        right = sum((minute["accuracy"] or 0) * minute["rows"] for minute in version["feedback"])
        said.append(f"{100 * right / rows:.1f} % right of {rows} rows with feedback")
    return printable("; ".join(said))


def _row(feature: dict[str, Any]) -> tuple[str, ...]:
    worst = max(feature["scores"], key=lambda score: score["ratio"], default=None)
    drawn = next(iter(feature.get("histograms", {}).values()), None)
    return (
        printable(feature["name"]),
        "alarm" if feature["alarm"] else "",
        f"{worst['test']} ({worst['against']})" if worst else "",
        f"{worst['ratio']:.2f}" if worst else "",
        *((_bars(drawn["reference"]), _bars(drawn["current"])) if drawn else ("", "")),
    )


def _worst(feature: dict[str, Any]) -> float:
    return max((float(score["ratio"]) for score in feature["scores"]), default=0.0)


def _bars(shares: Sequence[float]) -> str:
    most = max(shares, default=0.0)
    return "".join(BLOCKS[round(share / most * (len(BLOCKS) - 1))] for share in shares) if most else ""
