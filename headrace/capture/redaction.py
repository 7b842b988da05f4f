"""What must not be kept of a request: rules by field, applied before anything is written."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence

from headrace.arrays import join_bytes, split_bytes
from headrace.capture.text import Text
from headrace.capture.text_redaction import ANSWER, PROMPT, Change, redacted, without
from headrace.errors import SettingInvalid
from headrace.types import Tensor

EVERY = "*"
"""The field that stands for all that no other rule names."""

TENANT = "tenant"
"""The field that is the request's tenant."""

_EMAIL = re.compile(rb"[\w.+-]+@[\w-]+\.[\w.-]+")
_DIGITS = re.compile(rb"\d(?:[ -]?\d){3,}")


def _hashed(element: bytes) -> bytes:
    """Equal texts stay equal. Who knows a few candidates can still tell which it was: it is a pseudonym, no more."""
    return hashlib.blake2b(element, digest_size=16).hexdigest().encode()


def _masked(element: bytes) -> bytes:
    return _DIGITS.sub(b"#", _EMAIL.sub(b"@", element))


_TEXTS: Mapping[str, Callable[[bytes], bytes]] = {"hash": _hashed, "mask": _masked, "zero": lambda element: b""}
RULES = ("keep", "drop", "zero", *(rule for rule in _TEXTS if rule != "zero"))


class Redaction:
    """Rules by field: `keep`; `drop` leaves a tensor out; `zero` leaves its shape; `hash` makes pseudonyms of texts,
    `mask` takes numbers of four digits and more, and addresses of e-mail, out of them. Numbers know no `hash` and no
    `mask`: they are zeroed."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = rules

    def tensors(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """What may be kept of them."""
        return tuple(kept for tensor in tensors if (kept := self._tensor(tensor)) is not None)

    def tenant(self, tenant: str) -> str:
        """What may be kept of it; it is named only by a rule of its own."""
        rule = self._rules.get(TENANT, "keep")
        if rule == "keep" or not tenant:
            return tenant
        return _hashed(tenant.encode()).decode() if rule == "hash" else ""

    def text(self, text: Text) -> Text:
        """What may be kept of a text and of what was asked for it: the fields `prompt` and `answer`."""
        rules = {field: self._rules.get(field, self._rules.get(EVERY, "keep")) for field in (PROMPT, ANSWER)}
        text = without(text, prompt=rules[PROMPT] == "drop", answer=rules[ANSWER] == "drop")
        return redacted(text, _words(rules[PROMPT]), _words(rules[ANSWER]))

    def _tensor(self, tensor: Tensor) -> Tensor | None:
        rule = self._rules.get(tensor.name, self._rules.get(EVERY, "keep"))
        if rule == "keep":
            return tensor
        if rule == "drop":
            return None
        if tensor.datatype != "BYTES":
            return Tensor(tensor.name, tensor.datatype, tensor.shape, bytes(len(tensor.data)))
        change = _TEXTS[rule]
        return Tensor(tensor.name, "BYTES", tensor.shape, join_bytes(change(each) for each in split_bytes(tensor.data)))


def _words(rule: str) -> Change | None:
    """How a rule changes words; None: it leaves them, or nothing of them is there."""
    change = _TEXTS.get(rule)
    return None if change is None else lambda said: change(said.encode("utf-8", "replace")).decode("utf-8", "replace")


def read_rules(said: str) -> dict[str, str]:
    """Rules as settings say them: `text=mask, image=drop, *=zero`. Raises SettingInvalid."""
    rules: dict[str, str] = {}
    for one in filter(None, (part.strip() for part in said.split(","))):
        field, equals, rule = (part.strip() for part in one.partition("="))
        if not (field and equals and rule in RULES):
            raise SettingInvalid(f"{one[:60]!r} is no rule; write FIELD=RULE, a rule being one of {', '.join(RULES)}")
        rules[field] = rule
    return rules
