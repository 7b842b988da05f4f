"""The text that the engine without weights writes: a token is a byte, and a checksum chooses the next one. Pure.

The next is a letter or a space by the checksum of all before it, so that a prompt has the same text wherever and with
whomever it is computed; every sixty-fourth token, about, ends the text.
"""

from collections.abc import Sequence
from zlib import crc32

from headrace.generation import Delta, FinishReason, Prompt, Sampling, TokenLogprob

LETTERS = b"abcdefghijklmnopqrstuvwxyz      "
EOS = 256
LOGPROB = -0.5  # of every token


def text_of(prompt: Prompt) -> str:
    """What the model reads: messages one a line, each behind its role."""
    if prompt.messages is not None:
        lines = [f"{message.get('role')}: {message.get('content')}" for message in prompt.messages]
        return "\n".join([*lines, "assistant: "] if prompt.add_generation_prompt else lines)
    if prompt.token_ids is not None:
        return decoded(prompt.token_ids)
    return prompt.text or ""


def encoded(text: str) -> tuple[int, ...]:
    return tuple(text.encode())


def decoded(tokens: Sequence[int]) -> str:
    return bytes([token for token in tokens if token < EOS]).decode(errors="replace")


def logprob(token: int, top: int) -> TokenLogprob:
    """Of a token, with as many others as are asked for, each half as likely as the one before."""
    others = [
        TokenLogprob(each, chr(each), bytes([each]), LOGPROB * 2**rank) for rank, each in enumerate(LETTERS[:top])
    ]
    return TokenLogprob(token, decoded((token,)), bytes([token]) if token < EOS else b"", LOGPROB, tuple(others), 1)


class Writing:
    """One choice of a generation. Owned by the engine."""

    def __init__(self, index: int, prompt: bytes, sampling: Sampling, max_tokens: int, thoughts: str = "") -> None:
        """`thoughts` come before the text, a byte a token."""
        self.index = index
        self.finish: FinishReason | None = None
        self.num_tokens = 0  # thoughts included
        self.num_thought_tokens = 0
        self._thoughts = thoughts.encode()
        self._thought = b""  # not told yet
        self._sampling = sampling
        self._max_tokens = max_tokens
        seed = b"%d" % (sampling.seed or 0) if sampling.temperature else b""
        self._state = crc32(prompt + b"\0" * index + seed)
        self._text = ""
        self._told = 0  # characters of it
        self._stopped_by: str | int | None = None
        self._tokens: list[int] = []  # not told yet

    @property
    def left(self) -> int:
        """Tokens that it may still write."""
        return self._max_tokens - self.num_tokens

    def write(self) -> None:
        """One token more."""
        if self.num_thought_tokens < len(self._thoughts):
            self._think()
            return
        sampling = self._sampling
        self._state = crc32(b"%d" % (self.num_tokens - self.num_thought_tokens), self._state)
        self.num_tokens += 1
        ends = self._state % 64 == 63 and not sampling.ignore_eos and self.num_tokens > sampling.min_tokens
        token = EOS if ends else LETTERS[self._state % len(LETTERS)]
        self._tokens.append(token)
        self._text += decoded((token,))
        stop = next((stop for stop in sampling.stop if self._text.endswith(stop)), None)
        if stop is not None:
            self._text = self._text if sampling.include_stop else self._text.removesuffix(stop)
            self.finish, self._stopped_by = "stop", stop
        elif ends or token in sampling.stop_ids:
            self.finish, self._stopped_by = "stop", None if ends else token
        elif not self.left:
            self.finish = "length"

    def resume(self, num_tokens: int) -> None:
        """Its first tokens were told by another engine."""
        for _ in range(num_tokens):
            self.write()
        if num_tokens:
            self.news()

    def news(self) -> Delta | None:
        """What was not told yet; the beginning of what may be a stop string is held back."""
        held = 0 if self.finish else max([len(stop) - 1 for stop in self._sampling.stop], default=0)
        end = max(self._told, len(self._text) - held)
        if end == self._told and not self.finish and not self._thought:
            return None
        text, tokens, thought = self._text[self._told : end], tuple(self._tokens), self._thought
        self._told, self._tokens, self._thought = end, [], b""
        top = self._sampling.logprobs
        logprobs = () if top is None or thought else tuple(logprob(token, top) for token in tokens)
        return Delta(self.index, text, tokens, logprobs, (), self.finish, self._stopped_by, thought.decode())

    def _think(self) -> None:
        token = self._thoughts[self.num_thought_tokens]
        self.num_thought_tokens += 1
        self.num_tokens += 1
        self._tokens.append(token)
        self._thought += bytes([token])
        if not self.left:
            self.finish = "length"
