"""`headrace VERB ...`: finds the verb, and turns what goes wrong into one line and an exit code.

Exit codes: 0 done; 1 it failed; 2 it was asked for wrongly (command line, setting, path, address); 130 interrupted;
141 whoever read its output stopped: as shells say of what SIGINT and SIGPIPE end.
"""

import difflib
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from headrace import __version__
from headrace.cli.failure import Failure
from headrace.cli.unread import escape_what_cannot_be_written, is_full, open_what_is_closed, write_nowhere
from headrace.errors import HeadraceError, SettingInvalid
from headrace.printable import printable

VERBS = {
    "serve": "serve a folder of models, or one model file",
    "models": "what a folder of models holds, and how each would be served",
    "infer": "ask a running server for one inference",
    "chat": "talk with a language model of a running server",
    "bench": "load a running server, and see what it holds",
    "simulate": "what machines would hold, by times that were measured",
    "label": "where a model's labels lead on a running server; have one lead elsewhere",
    "rollback": "have a running server return to the version of a model served before",
    "split": "how a running server shares a model's requests among versions; share them by weights",
    "shadow": "how a candidate answers what others are asked, on a running server; have one asked",
    "rollout": "how far one version has taken another's place on a running server; have one do so by steps",
    "events": "what happened to a model of a running server, and why",
    "slo": "what models of a running server promise, and what is left of their error budgets",
    "alerts": "what is wrong on a running server; silence it; the same rules for Prometheus",
    "changes": "what changed on a running server; say what changed elsewhere",
    "why": "what changed for a model of a running server, when, and by what",
    "captures": "what a running server has captured of requests; take it as training data",
    "replay": "ask captured requests again, and compare answers and times",
    "profile": "which operators of a model of a running server take its time",
    "drift": "whether what a model of a running server is asked and answers is still what it was",
    "state": "what a server keeps for its next start; forget it",
    "top": "every version of a running server and what it does now",
    "memory": "who holds how much memory on a running server",
    "pin": "keep a model in a running server's memory, whoever else wants room",
    "config": "every setting, its value and where it comes from",
    "doctor": "what this machine has, and what is wrong with it",
}
"""Each verb is the module of its name, with `run(arguments) -> exit code`; imported only when it is asked for."""

HELP = f"""\
usage: headrace VERB [arguments]

An inference server: point it at models, and they answer.

{chr(10).join(f"  {verb:8} {meaning}" for verb, meaning in VERBS.items())}

  headrace VERB --help   what a verb takes
  headrace --version     which headrace this is

For a start: headrace serve model.onnx
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    first, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    open_what_is_closed()
    escape_what_cannot_be_written()
    try:
        try:
            return _run(first, rest)
        finally:
            sys.stdout.flush()  # here, where a reader that has gone is known as one
    except Failure as failure:
        return _say(str(failure), failure.exit_code)
    except HeadraceError as error:
        return _say(str(error), 2 if isinstance(error, SettingInvalid) else 1)
    except BrokenPipeError:  # whoever read our output has stopped: nothing more to say
        write_nowhere()
        return 141
    except OSError as error:
        if not is_full(error):
            raise
        write_nowhere()
        return _say(f"the output cannot be written: {error.strerror}", 1)
    except KeyboardInterrupt:
        return 130


def _run(verb: str, arguments: Sequence[str]) -> int:
    if verb in ("--help", "-h", "help"):
        print(HELP, end="")
        return 0
    if verb in ("--version", "-V"):
        print(f"headrace {__version__}")
        return 0
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"the verbs are {', '.join(VERBS)}"
        raise Failure(f"there is no verb {verb!r}; {hint}", exit_code=2)
    # Before numpy is loaded: its arithmetic is small here, and threads that wait for more of it by spinning take the
    # cores that models run on.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    exit_code: int = import_module(f"headrace.cli.{verb}").run(arguments)
    return exit_code


def _say(message: str, exit_code: int) -> int:
    print(f"headrace: {printable(message)}", file=sys.stderr)
    return exit_code
