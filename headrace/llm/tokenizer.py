"""Text to tokens and back, whatever the file that says how."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from tokenizers import Tokenizer as Library
from tokenizers.models import BPE

from headrace.errors import InvalidRequest, ModelInvalid
from headrace.llm.panics import PROBE, sound
from headrace.llm.token_bytes import spelling, token_bytes
from headrace.llm.token_length import Covering, Vocabulary, covering
from headrace.llm.tokenizer_cache import cached
from headrace.llm.tokenizer_gguf import tokenizer_json
from headrace.weights.checkpoint import TokenizerSource


def load(source: TokenizerSource, digest: str = "", cache: Path | None = None) -> "Tokenizer":
    """The tokenizer of a checkpoint. One built from a GGUF's fields is kept in the folder `cache`, under `digest`.

    Raises ModelInvalid where there is none or it cannot be read.
    """
    if source.json is not None:
        return Tokenizer(_tried(_from_file(source.json), source.json.name), source.ending)
    if not source.fields:
        raise ModelInvalid("the model has none: a tokenizer.json, or the tokenizer fields of a GGUF file", "tokenizer")

    def build() -> Mapping[str, Any]:
        return tokenizer_json(source.fields)

    text = cached(cache, digest, build)
    try:
        return Tokenizer(_parsed(text))
    except ModelInvalid:  # perhaps only what lay in the cache is at fault
        if (again := cached(cache, digest, build, fresh=True)) == text:
            raise
        return Tokenizer(_parsed(again))


def _tried(library: Library, where: str) -> Library:
    """Raises ModelInvalid where the file that it was read from is one that the library breaks down over."""
    with sound(where):
        tokenizer = Tokenizer(library)
        tokenizer.decode(tokenizer.encode(PROBE))
    return library


def _from_file(path: Path) -> Library:
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelInvalid(f"the tokenizer cannot be read: {error}", path.name) from error


def _parsed(text: str) -> Library:
    try:
        return Library.from_str(text)
    except Exception as error:  # the library raises nothing narrower
        raise ModelInvalid(f"the tokenizer cannot be built: {error}", "tokenizer") from error


class Pair(msgspec.Struct, frozen=True):
    """Two texts as a cross-encoder reads them."""

    token_ids: list[int]
    types: list[int]  # of each token: 0 of the first text, 1 of the second


class Tokenizer:
    """Encodes and decodes; never truncates or pads on its own, whatever the file says. Safe to use from threads.

    Texts that are no Unicode (half of a surrogate pair) raise InvalidRequest.
    """

    def __init__(self, library: Library, ending: str = "") -> None:
        """`library` belongs to the tokenizer from now on. `ending` is to stand behind every text, unless the library
        puts a special token there itself. Raises ModelInvalid where it is no token.
        """
        library.no_truncation()
        library.no_padding()
        self.library = library  # for what builds on it: grammars
        self.vocabulary = max(library.get_vocab(with_added_tokens=True).values(), default=-1) + 1
        """One more than the highest id; a model may compute more logits than that."""
        added = library.get_added_tokens_decoder()
        self.special_ids = frozenset(index for index, token in added.items() if token.special)
        decoder = library.decoder
        self._spelling = spelling(json.loads(decoder.__getstate__()) if decoder is not None else None)
        self._ending = _ending(library, ending)
        self._covering: Covering | None = None  # not known before it is asked for
        self._bytes = {index: token.content.encode("utf-8", "replace") for index, token in added.items()}

    def encode(self, text: str, add_special: bool = True) -> list[int]:
        """The tokens of a text. Special tokens that are written in it count as such."""
        return self.encode_many((text,), add_special)[0]

    def encode_many(self, texts: Sequence[str], add_special: bool = True, limit: int | None = None) -> list[list[int]]:
        """The tokens of each text; of one with more than `limit`, special tokens included, the end is left out."""
        if not add_special:
            return [encoding.ids[:limit] for encoding in self._encodings(texts, add_special=False)]
        if limit is None:
            return [[*encoding.ids, *self._ending] for encoding in self._encodings(texts, add_special=True)]
        room = max(0, limit - self.library.num_special_tokens_to_add(False) - len(self._ending))
        encodings = self._encodings(texts, add_special=False)
        for encoding in encodings:
            encoding.truncate(room)
        whole = [self.library.post_process(encoding, None, True) for encoding in encodings]
        return [[*encoding.ids, *self._ending] for encoding in whole]

    def encode_pair(self, first: str, second: str, limit: int | None = None, second_limit: int | None = None) -> Pair:
        """Two texts with the special tokens around them; over `limit` tokens the end of the longer is left out.

        Before that the second loses what it has beyond `second_limit`.
        """
        one, two = self._encodings((first, second), add_special=False)
        if second_limit is not None:
            two.truncate(second_limit)
        if limit is not None:
            room = max(0, limit - self.library.num_special_tokens_to_add(True))
            lengths = _share(len(one.ids), len(two.ids), room)
            one.truncate(lengths[0])
            two.truncate(lengths[1])
        both = self.library.post_process(one, two, True)
        return Pair(both.ids, both.type_ids)

    def _encodings(self, texts: Sequence[str], add_special: bool) -> list[Any]:
        try:
            return list(self.library.encode_batch_fast(list(texts), add_special_tokens=add_special))
        except TypeError as error:
            raise InvalidRequest("the text holds half of a surrogate pair, which is no Unicode") from error

    def decode(self, token_ids: Sequence[int], skip_special: bool = True) -> str:
        """The text of tokens. Ids that stand for nothing give nothing; bytes that are no UTF-8 give U+FFFD."""
        if self._spelling is None:
            known = [index for index in token_ids if 0 <= index < self.vocabulary]
            return str(self.library.decode(known, skip_special_tokens=skip_special))
        skipped = self.special_ids if skip_special else frozenset()
        whole = b"".join([self.token_bytes(index) for index in token_ids if index not in skipped])
        if self.leading_space:
            whole = whole.removeprefix(b" ")
        return whole.decode("utf-8", "replace")

    def least_tokens(self, text: str) -> int:
        """A number of tokens that the text is certain to have at least, known from its length; 0 where none is."""
        if self._covering is None:
            self._covering = covering(self._described())
        return self._covering.least_tokens(text)

    def _described(self) -> Vocabulary:
        library, added = self.library, self.library.get_added_tokens_decoder().values()
        return Vocabulary(
            list(library.get_vocab(with_added_tokens=False)),
            [token.content for token in added],
            any(token.lstrip or token.rstrip for token in added),
            self._spelling is not None and self._spelling.letters and isinstance(library.model, BPE),
            bool(getattr(library.model, "byte_fallback", False)),
            *(
                json.loads(part.__getstate__()) if part else None
                for part in (library.normalizer, library.pre_tokenizer)
            ),
        )

    @property
    def leading_space(self) -> bool:
        """Whether a space at the very beginning of a text is the tokenizer's own."""
        return self._spelling is not None and self._spelling.leading_space

    def token_bytes(self, token_id: int) -> bytes:
        """What a token stands for, perhaps only a part of a character; empty for an id that stands for nothing."""
        found = self._bytes.get(token_id)
        if found is None:
            found = self._bytes[token_id] = self._spelt(token_id)
        return found

    def _spelt(self, token_id: int) -> bytes:
        token = self.token(token_id)
        return token_bytes(token, self._spelling) if self._spelling is not None else token.encode("utf-8", "replace")

    def token_text(self, token_id: int) -> str:
        """What a token stands for as text; U+FFFD where its bytes are no text alone."""
        return self.token_bytes(token_id).decode("utf-8", "replace")

    def token(self, token_id: int) -> str:
        """A token as the vocabulary spells it (`Ġthe`); empty for an id that stands for nothing."""
        if not 0 <= token_id < self.vocabulary:
            return ""
        return self.library.id_to_token(token_id) or ""

    def token_id(self, token: str) -> int | None:
        """The id of a token as the vocabulary spells it."""
        found: int | None = self.library.token_to_id(token)
        return found


def _ending(library: Library, token: str) -> tuple[int, ...]:
    """The token's id, unless the library puts a special token behind every text itself."""
    if not token or library.encode("a").special_tokens_mask[-1:] == [1]:
        return ()
    token_id = library.token_to_id(token)
    if token_id is None:
        raise ModelInvalid(f"{token!r:.80}, which is to stand behind every text, is no token", "tokenizer")
    return (token_id,)


def _share(first: int, second: int, room: int) -> tuple[int, int]:
    """How many tokens of two texts are kept, so that both fit: the longer gives until both are equal, then in turn."""
    over = max(0, first + second - room)
    if first > second:
        first -= (cut := min(over, first - second))
    else:
        second -= (cut := min(over, second - first))
    both = over - cut
    return max(0, first - both // 2), max(0, second - (both + 1) // 2)
