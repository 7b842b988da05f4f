"""What a first run has shown of a model is what clients are told from then on."""

import msgspec

from headrace.batching.batched_model import BatchedModel
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.policy import Limits
from headrace.batching.waiting import Waiting
from headrace.records import discard
from headrace.types import FREE, ModelVersion, Signature
from tests.fakes import FakeClock, FakeInstance, signature


def told(known: Signature, learned: Signature) -> Signature:
    """What clients are told of a model once its instance has learned something."""
    instance, policy = FakeInstance(), FixedPolicy[Waiting](Limits(4, 0, 100, 10_000))
    model = BatchedModel(ModelVersion("m", 1), known, [instance], policy, discard, FakeClock())
    instance.learned(learned)
    return model.signature


def test_outputs_are_as_the_run_has_shown_them() -> None:
    learned = msgspec.structs.replace(signature(), outputs=signature((FREE, 3)).outputs)
    assert told(signature(batched=False, pending=True), learned) == learned


def test_what_was_known_before_is_not_learned_again() -> None:
    assert told(signature(), signature(max_size=7)) == signature()
