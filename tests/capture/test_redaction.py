"""What must not be kept is gone before anything is written."""

import numpy as np
import pytest

from headrace.arrays import from_array, join_bytes, split_bytes, to_array
from headrace.capture.redaction import Redaction, read_rules
from headrace.errors import SettingInvalid
from headrace.types import Tensor

TEXT = Tensor("text", "BYTES", (2,), join_bytes([b"mail jo@example.org or call 0170 12 34", b"size 42"]))
IMAGE = from_array("image", np.ones((1, 3), np.float32))


def _texts(tensor: Tensor) -> list[bytes]:
    return list(split_bytes(tensor.data))


def test_without_rules_all_is_kept() -> None:
    assert Redaction({}).tensors([TEXT, IMAGE]) == (TEXT, IMAGE)


def test_a_tensor_is_dropped_or_zeroed_in_its_shape() -> None:
    (zeroed,) = Redaction({"text": "drop", "image": "zero"}).tensors([TEXT, IMAGE])
    assert to_array(zeroed).tolist() == [[0, 0, 0]]


def test_texts_are_masked_emptied_or_made_pseudonyms() -> None:
    (masked,) = Redaction({"text": "mask"}).tensors([TEXT])
    assert _texts(masked) == [b"mail @ or call #", b"size 42"]
    (emptied,) = Redaction({"text": "zero"}).tensors([TEXT])
    assert _texts(emptied) == [b"", b""]
    (hashed,) = Redaction({"text": "hash"}).tensors([TEXT])
    (again,) = Redaction({"text": "hash"}).tensors([TEXT])
    assert hashed == again
    assert all(len(each) == 32 for each in _texts(hashed))


@pytest.mark.parametrize("rule", ["hash", "mask"])
def test_numbers_that_cannot_be_masked_are_zeroed(rule: str) -> None:
    (image,) = Redaction({"*": rule}).tensors([IMAGE])
    assert not to_array(image).any()


def test_the_rule_for_all_others_leaves_those_that_are_named() -> None:
    assert Redaction({"*": "drop", "image": "keep"}).tensors([TEXT, IMAGE]) == (IMAGE,)


def test_a_tenant_has_a_rule_of_its_own() -> None:
    assert Redaction({"*": "drop"}).tenant("acme") == "acme"
    assert Redaction({"tenant": "drop"}).tenant("acme") == ""
    assert len(Redaction({"tenant": "hash"}).tenant("acme")) == 32
    assert Redaction({"tenant": "hash"}).tenant("") == ""


def test_rules_are_read_as_settings_say_them() -> None:
    assert read_rules(" text=mask, image = drop ,*=zero,") == {"text": "mask", "image": "drop", "*": "zero"}
    assert read_rules("") == {}


@pytest.mark.parametrize("said", ["text", "text=", "=drop", "text=burn"])
def test_a_rule_that_is_none_is_named(said: str) -> None:
    with pytest.raises(SettingInvalid, match="is no rule; write FIELD=RULE"):
        read_rules(said)
