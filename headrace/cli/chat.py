"""`headrace chat`: talk with a language model of a running server, in the terminal or from a script."""

import json
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import closing

from headrace.cli.chat_answers import Answer, Asking, ask, check_model
from headrace.cli.chat_terminal import HELP, Chat, Conversation, facts, show
from headrace.cli.connection import URL, Server
from headrace.cli.console import console
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser, number
from headrace.cli.trust import add_trust_flags, trust_of


def parser() -> Parser:
    made = Parser(
        "headrace chat",
        description="Talk with a language model of a running server. Without a QUESTION, what is piped in is the\n"
        "question; at a terminal a conversation begins.",
        epilog=f"in a conversation:\n{HELP}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    made.add_argument("model", metavar="MODEL", help="the model's name; NAME:VERSION for one version")
    made.add_argument(
        "question", metavar="QUESTION", nargs="*", help="one question; the answer goes to standard output"
    )
    made.add_argument("--system", metavar="TEXT", help="what the model is told before all else")
    made.add_argument(
        "--temperature", type=number, metavar="T", help="0 for the likeliest words; else the server's choice"
    )
    made.add_argument("--max-tokens", type=int, metavar="N", help="where an answer is cut at the latest")
    made.add_argument("--url", default=URL, help=f"where the server is; else {URL}")
    made.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="how long to wait; else 300")
    add_trust_flags(made)
    made.add_argument("--json", action="store_true", help="the answer to one question, and its facts, as a JSON object")
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_intermixed_args(arguments)  # the question may stand behind flags
    server = Server(options.url, options.timeout, trust_of(options))
    asking = Asking(options.model, options.temperature, options.max_tokens)
    conversation = Conversation(options.system)
    question = " ".join(options.question) if options.question else None
    if question is None and not sys.stdin.isatty():
        question = sys.stdin.read()
    if question is not None and not question.strip():
        raise Failure("the question is empty; write it behind the model, or pipe it in", exit_code=2)
    if question is None and options.json:
        raise Failure("--json goes with one question; write it behind the model, or pipe it in", exit_code=2)
    check_model(server, options.model)
    if question is None:
        Chat(lambda messages: ask(server, asking, messages), conversation).run()
        return 0
    conversation.said.append({"role": "user", "content": question})
    with closing(ask(server, asking, conversation.messages())) as answer:
        _print(answer, options.model) if options.json else _stream(answer)
    return 0


def _stream(answer: Answer) -> None:
    """The text as it comes; somebody who looks at it sees the facts too."""
    show(answer, sys.stdout)
    if not answer.text.endswith("\n"):
        print()
    if sys.stdout.isatty() and sys.stderr.isatty():
        console(sys.stderr).print(facts(answer), style="dim")


def _print(answer: Answer, model: str) -> None:
    text = "".join(answer)
    print(
        json.dumps(
            {
                "model": model,
                "text": text,
                "reasoning": answer.thoughts,
                "finish_reason": answer.finish,
                "prompt_tokens": answer.prompt_tokens,
                "completion_tokens": answer.completion_tokens,
                "first_token_s": answer.first_s,
                "tokens_per_s": answer.tokens_per_s,
            }
        )
    )
