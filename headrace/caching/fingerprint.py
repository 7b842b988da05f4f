"""Request -> a fingerprint that only equal requests have. Pure."""

from collections.abc import Sequence
from hashlib import blake2b

from headrace.types import Request, Tensor

Fingerprint = bytes

_BYTES = 32


def fingerprint(request: Request, outputs: Sequence[str]) -> Fingerprint:
    """Of all that a variant's answer may depend on, and of the tenant; the model's version is the cache's own.

    `outputs` are all that the model has, in its order: who names none is answered with those. An answer has them in the
    order in which they are asked for, so that another order is another answer.

    The hash is a cryptographic one: who chooses inputs must not be able to make two that share an answer.
    """
    inputs = sorted(request.inputs, key=_name)
    said = (
        request.context.tenant,
        request.outputs or tuple(outputs),
        sorted(request.parameters.items()),
        [(tensor.name, tensor.datatype, tuple(tensor.shape), len(tensor.data)) for tensor in inputs],
    )
    head = repr(said).encode()
    digest = blake2b(len(head).to_bytes(8, "little"), digest_size=_BYTES)
    digest.update(head)
    for tensor in inputs:
        digest.update(tensor.data)
    return digest.digest()


def _name(tensor: Tensor) -> str:
    return tensor.name
