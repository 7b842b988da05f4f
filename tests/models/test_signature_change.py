"""Whether clients of one version can go on with another."""

import msgspec

from headrace.generation import LanguageFacts
from headrace.models.signature_change import signature_change
from headrace.types import FREE, TensorSpec
from tests.fakes import signature

GENERATES = LanguageFacts("llama", ("generate",), 100, 10, 1, "f32", chat_template=True)
EMBEDS = msgspec.structs.replace(GENERATES, tasks=("embed",))


def test_the_same_and_more_can_stand_in() -> None:
    served = signature((4, 2))
    assert signature_change(served, served) == ()
    wider = msgspec.structs.replace(
        served, inputs=(TensorSpec("x", "FP32", (FREE, 2)),), outputs=(*served.outputs, TensorSpec("z", "FP32", (1,)))
    )
    assert signature_change(served, wider) == ()


def test_another_datatype_and_another_name_are_changes() -> None:
    assert signature_change(signature(), signature(datatype="FP64")) == (
        "input 'x' is FP64, the model's FP32",
        "output 'y' is FP64, the model's FP32",
    )
    renamed = msgspec.structs.replace(signature(), outputs=(TensorSpec("z", "FP32", (FREE, 2)),))
    assert signature_change(signature(), renamed) == ("it has no output 'y'; it has 'z'",)


def test_a_language_model_keeps_its_tasks() -> None:
    plain = signature()
    generates, embeds = (msgspec.structs.replace(plain, language=facts) for facts in (GENERATES, EMBEDS))
    assert signature_change(generates, generates) == ()
    assert signature_change(generates, embeds) == ("it cannot generate",)
    assert signature_change(generates, plain) == ("it is no language model",)
    assert signature_change(plain, generates) == ("it is a language model",)
