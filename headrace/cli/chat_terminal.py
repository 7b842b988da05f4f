"""A chat in the terminal: reads a message, shows the answer as it comes, and again. Ctrl-C stops the answer only."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TextIO

from headrace.cli.chat_answers import Answer, Message
from headrace.cli.chat_lines import History, history_file, read_message
from headrace.cli.console import console
from headrace.cli.failure import Failure
from headrace.printable import printable_lines

HELP = '''\
  /system TEXT   what the model is told before all else; alone: what that is now; /system - for nothing
  /reset         forget the conversation
  /exit          end; Ctrl-D does too
  Ctrl-C         stops an answer, or clears the line
  """            begins a message of many lines, and ends it; a pasted text stays one message
  a message that begins with / is sent with a space before it'''

Ask = Callable[[list[Message]], Answer]
"""The answer to a conversation."""


class Conversation:
    """What was said so far. Owned by the chat."""

    def __init__(self, system: str | None) -> None:
        self.system = system
        self.said: list[Message] = []

    def messages(self) -> list[Message]:
        return [{"role": "system", "content": self.system}, *self.said] if self.system else list(self.said)

    def add(self, question: str, answer: str) -> None:
        self.said += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


class Chat:
    """The loop. What it is told goes to `output`, which is a terminal or a test's."""

    def __init__(self, ask: Ask, conversation: Conversation, output: TextIO | None = None) -> None:
        self._ask = ask
        self._conversation = conversation
        self._output = output or sys.stdout
        self._console = console(self._output)

    def run(self, read: Callable[[], str] = read_message, history: History | None = None) -> None:
        """Until /exit or the end of input."""
        history = history or History(history_file(os.environ))
        self._tell("/help lists the commands, Ctrl-D ends")
        for message in self._messages(read):
            history.add(message)
            if message in ("/exit", "/quit", "/bye"):
                return
            try:
                self._hear(message)
            except KeyboardInterrupt:
                self._output.write("\n")

    def _messages(self, read: Callable[[], str]) -> Iterator[str]:
        """Those that are not empty."""
        while True:
            try:
                message = read()
            except KeyboardInterrupt:
                self._tell("\n/exit or Ctrl-D ends")
                continue
            except EOFError:
                self._output.write("\n")
                return
            if message:
                yield message

    def _hear(self, message: str) -> None:
        if not message.startswith("/"):
            self._answer(message.strip())
            return
        command, *text = message.split(maxsplit=1)
        if command == "/help":
            self._tell(HELP)
        elif command == "/reset":
            self._conversation.said.clear()
            self._tell("the conversation is forgotten")
        elif command == "/system":
            self._set_system("".join(text))
        else:
            self._tell(f"there is no {command}\n{HELP}")

    def _set_system(self, text: str) -> None:
        if text:
            self._conversation.system = None if text == "-" else text
        self._tell(f"system: {self._conversation.system or '(nothing)'}")

    def _answer(self, question: str) -> None:
        answer = self._ask([*self._conversation.messages(), {"role": "user", "content": question}])
        stopped = False
        with closing(answer):
            try:
                show(answer, self._output)
            except KeyboardInterrupt:
                stopped = True
            except Failure as failure:
                self._tell(f"{_newline(answer)}{failure}", "red")
                return
        if answer.text:
            self._conversation.add(question, answer.text)
        self._tell(_newline(answer) + facts(answer, stopped))
        self._output.write("\n")

    def _tell(self, text: str, style: str = "dim") -> None:
        self._console.print(printable_lines(text), style=style, soft_wrap=True)


def show(answer: Answer, output: TextIO) -> None:
    """Write the pieces as they come; a terminal is spared what would control it, and shows thoughts, dimmed."""
    if not output.isatty():
        for text in answer:
            output.write(text)
            output.flush()
        return
    dimmed, thinking = console(output), False
    for piece in answer.pieces():
        if piece.thought:
            dimmed.print(printable_lines(piece.text), style="dim", end="", soft_wrap=True)
        else:
            output.write(("\n\n" if thinking else "") + printable_lines(piece.text))
        output.flush()
        thinking = piece.thought


def facts(answer: Answer, stopped: bool = False) -> str:
    """How fast it came and why it ended early, in a line."""
    found = []
    if answer.completion_tokens is not None:
        found.append(f"{answer.completion_tokens} tokens")
    if answer.tokens_per_s is not None:
        found.append(f"{answer.tokens_per_s:.1f} tokens/s")
    if answer.first_s is not None:
        found.append(f"first after {answer.first_s:.2f} s")
    if stopped:
        found.append("stopped")
    elif answer.finish == "length":
        found.append("cut at the limit of tokens")
    return ", ".join(found) or "no answer"


def _newline(answer: Answer) -> str:
    return "\n" if answer.text and not answer.text.endswith("\n") else ""
