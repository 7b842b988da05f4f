"""`headrace state`: what a server of a repository keeps for its next start, shown or forgotten."""

import json
import os
import sqlite3
from collections.abc import Sequence

import msgspec

from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.repository import local_path, place
from headrace.cli.settings import add_setting_flags, settings_of
from headrace.models.state import State, state_folder
from headrace.models.wishes import Wishes
from headrace.printable import printable
from headrace.repository.repository import LocalRepository


def parser() -> Parser:
    made = Parser("headrace state", description="What a server keeps for its next start: shown, or forgotten.")
    made.add_argument("what", choices=("show", "reset"), help="show it, or forget it")
    made.add_argument("repository", metavar="REPO|FILE|ADDRESS", help="what the server serves")
    made.add_argument("--json", action="store_true", help="one JSON object; of show by model")
    add_setting_flags(made)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    config = settings_of(options).config
    repository = local_path(place(options.repository), config)
    folder = state_folder(config.state.dir, os.environ, LocalRepository(repository).path)
    if folder is None:
        raise Failure("there is no place for a state: neither state.dir nor a home is set")
    state = State(folder)
    if options.what == "reset":
        try:
            forgotten = state.reset()
        except OSError as error:
            raise Failure(f"the state stays: {error}") from error
        finally:
            state.close()
        if options.json:
            print(json.dumps({"folder": str(folder), "forgotten": forgotten}))
        else:
            print(f"{folder} is forgotten" if forgotten else f"nothing is kept in {folder}")
        return 0
    try:
        kept = state.look()
    except (sqlite3.Error, ValueError) as error:
        raise Failure(f"the state in {folder} cannot be read: {error}") from error
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(dict(sorted(kept.items())))).decode())
        return 0
    print(f"in {folder}" if kept else f"nothing is kept in {folder}")
    for name, wishes in sorted(kept.items()):
        print(printable(f"{name}: {'; '.join(told(wishes)) or 'nothing'}"))
    return 0


def told(wishes: Wishes) -> list[str]:
    """What is kept of a model, in words."""
    words = []
    if wishes.unloaded:
        words.append("unloaded by a request")
    if wishes.asked:
        words.append("loaded by a request")
    if wishes.pinned:
        words.append("pinned in memory")
    words += [f"{label} is version {version}" for label, version in sorted(wishes.labels.items())]
    if wishes.held_back:
        words.append(f"rolled back from {', '.join(map(str, sorted(wishes.held_back)))}")
    if wishes.kept is not None:
        words.append(f"rolled back to {wishes.kept}")
    traffic = wishes.traffic
    if traffic.split:
        weights = ", ".join(f"{version}: {weight:g}" for version, weight in sorted(traffic.split.weights.items()))
        words.append(f"split {weights}")
    if traffic.shadow:
        words.append(f"shadow is version {traffic.shadow.version}")
    if traffic.rollout:
        words.append(f"rollout {traffic.rollout}, step {traffic.rollout.step + 1} of {len(traffic.rollout.steps)}")
    return words
